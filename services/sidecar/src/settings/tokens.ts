import { realpathSync, statSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import { z } from "zod";
import type { Token } from "../access/tokens.js";
import { readChecked } from "../config/checked-file.js";

/** 128 bits in hexadecimal are 32 characters; what is shorter than half of that can be tried out. */
const MIN_LENGTH = 16;

export const tokenPattern = new RegExp(`^[\\x21-\\x7e]{${MIN_LENGTH},512}$`);
export const tokenRule = `${MIN_LENGTH} to 512 printable ASCII characters, no spaces`;

const scopes = ["use", "read", "operate"] as const;

/** Where tokens come from; both undefined where nobody needs one. */
export interface TokenSource {
  readonly token: string | undefined;
  readonly tokensFile: string | undefined;
}

/**
 * The tokens that callers may come with; none where every caller may do everything.
 *
 * @throws SettingsError with every fault of the file, which repeats no token
 */
export function readTokens({ token, tokensFile }: TokenSource): readonly Token[] {
  if (token !== undefined) return [{ name: "default", token, scopes }];
  if (tokensFile === undefined) return [];
  return readChecked("SLUICE_TOKENS_FILE", tokensFile, fileShape, { secret: true }).tokens;
}

/** Whether callers need a token. */
export function asksForTokens({ token, tokensFile }: TokenSource): boolean {
  return token !== undefined || tokensFile !== undefined;
}

/**
 * Whether everybody on this host may read the file, and may pass through every folder on the way to it. Never one of
 * `containerSecrets`, where runtimes of containers put the secrets of one container: its users are no host's, and what
 * mode a file has there tells nothing of where it came from.
 */
export function isReadableByOthers(file: string, containerSecrets = "/run/secrets"): boolean {
  if (resolve(file).startsWith(containerSecrets + sep)) return false;
  if (!lets(file, 0o004)) return false;
  return foldersOf(realpathSync(file)).every((folder) => lets(folder, 0o001));
}

/** @param mode what others must be allowed to do */
function lets(path: string, mode: number): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & mode) !== 0;
}

/** The folder that a path is in, the one that this is in, and so on up to the root. */
function foldersOf(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...foldersOf(folder)];
}

const text = (pattern: RegExp, error: string) => z.string({ error }).regex(pattern, { error });

const mapping = (fields: string) => ({
  error: (issue: { readonly code?: string }) =>
    issue.code === "invalid_type" ? `a mapping with ${fields}` : undefined,
});

const tokenShape = z.strictObject(
  {
    name: text(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      "1 to 64 letters, digits, or . _ -, a letter or digit first",
    ),
    token: text(tokenPattern, tokenRule),
    scopes: z
      .array(z.enum(scopes, { error: `one of ${scopes.join(", ")}` }), {
        error: `a list of ${scopes.join(", ")}`,
      })
      .min(1, { error: `a list of at least one of ${scopes.join(", ")}` }),
  },
  mapping("name, token, scopes"),
);

const fileShape = z.strictObject(
  {
    tokens: z
      .array(tokenShape, { error: "a list of tokens" })
      .min(1, { error: "a list of at least one token" })
      .superRefine((tokens, context) => {
        for (const path of repeatedIn(tokens))
          context.addIssue({ code: "custom", path, message: "different from those before it" });
      }),
  },
  mapping("tokens"),
);

/** Where a name or a token stands that another one has, too: nobody could tell the two apart. */
function repeatedIn(tokens: readonly Readonly<Record<"name" | "token", string>>[]): [number, string][] {
  return (["name", "token"] as const).flatMap((field) => {
    const values = tokens.map((one) => one[field]);
    return [...values.keys()]
      .filter((index) => values.indexOf(values[index] ?? "") < index)
      .map((index): [number, string] => [index, field]);
  });
}
