import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The secrets of docker-compose.yml, by their paths from the root. Each is one line, but the tokens of the sidecars. */
export const secretFiles = /** @type {const} */ ({
  tokens: "services/sidecar/secrets/tokens.json",
  demo: "services/demo/secrets/token",
  prometheus: "services/prometheus/secrets/token",
  onCall: "services/console/secrets/token",
  grafana: "services/grafana/secrets/admin-password",
});

/** Who comes to the sidecars, and what for; each has its token in a file of its own. */
const callers = [
  { name: "demo", scopes: ["use"], file: secretFiles.demo },
  { name: "prometheus", scopes: ["read"], file: secretFiles.prometheus },
  { name: "on-call", scopes: ["operate"], file: secretFiles.onCall },
];

/** @typedef {{ name: string, token: string, scopes: string[] }} Token */

/**
 * Makes those of the secrets that are missing, and leaves the others as they are; the tokens of the sidecars are one file
 * in which a single one may be missing.
 *
 * Containers read them as other users than this one, and Compose mounts a file with the owner and the mode that it has
 * here. So every user may read the files, and nobody but this one may open their folders.
 *
 * @param {string} root
 * @returns {string[]} the files that were written
 * @throws Error without any secret in it where the tokens of the sidecars and those of their callers do not agree; no
 *   file has changed then
 */
export function makeSecrets(root) {
  const known = readTokens(root);
  const tokens = callers.map(({ name, scopes, file }) => ({
    name,
    token: tokenOf(root, file, name, known),
    scopes,
  }));
  const added = tokens.filter(({ name }) => !known.some((token) => token.name === name));
  const all = `${JSON.stringify({ tokens: [...known, ...added] }, undefined, 2)}\n`;
  const texts = [
    ...callers.map(({ file }, index) => ({ file, text: `${tokens[index]?.token}\n` })),
    { file: secretFiles.grafana, text: `${newSecret()}\n` },
  ];
  const missing = texts.filter(({ file }) => !existsSync(join(root, file)));
  const written = added.length === 0 ? missing : [...missing, { file: secretFiles.tokens, text: all }];
  for (const { file, text } of written) write(root, file, text);
  for (const file of Object.values(secretFiles)) letContainersRead(root, file);
  return written.map(({ file }) => file);
}

/** 256 bits. */
function newSecret() {
  return randomBytes(32).toString("hex");
}

/** What the sidecars know; none where their file is yet to be made. @param {string} root @returns {Token[]} */
function readTokens(root) {
  if (!existsSync(join(root, secretFiles.tokens))) return [];
  const tokens = tokensIn(readFileSync(join(root, secretFiles.tokens), "utf8"));
  if (Array.isArray(tokens) && tokens.every((token) => typeof token?.name === "string")) return tokens;
  throw new Error(`${secretFiles.tokens} must be JSON, as this command writes it`);
}

/** @param {string} text @returns {unknown} undefined where it is no JSON */
function tokensIn(text) {
  try {
    return JSON.parse(text).tokens;
  } catch {
    return undefined;
  }
}

/**
 * The caller's token: what its own file and that of the sidecars say, or one of the two, or else a new one.
 *
 * @param {string} root @param {string} file @param {string} name @param {readonly Token[]} known
 */
function tokenOf(root, file, name, known) {
  const ofSidecars = known.find((token) => token.name === name)?.token;
  const path = join(root, file);
  if (!existsSync(path)) return ofSidecars ?? newSecret();
  const own = readFileSync(path, "utf8").trim();
  // What a sidecar takes for a token; a command that was cut off may leave less.
  if (!/^[\x21-\x7e]{16,512}$/.test(own))
    throw new Error(`${file} holds no token: delete it, and call this again`);
  if (ofSidecars === undefined || ofSidecars === own) return own;
  throw new Error(
    `${secretFiles.tokens} and ${file} do not hold the same token of "${name}": delete the one that is wrong, and call this again`,
  );
}

/** As a whole or not at all. @param {string} root @param {string} file @param {string} text */
function write(root, file, text) {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Not by the options of `write`, from which the umask takes away. @param {string} root @param {string} file */
function letContainersRead(root, file) {
  const path = join(root, file);
  const modes = /** @type {const} */ ([
    [dirname(path), 0o700],
    [path, 0o644],
  ]);
  for (const [place, mode] of modes) if ((statSync(place).mode & 0o777) !== mode) chmodSync(place, mode);
}
