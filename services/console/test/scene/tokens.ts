import { randomBytes } from "node:crypto";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Scope = "use" | "read" | "operate";

export type Callers = Readonly<Record<string, readonly Scope[]>>;

/** A file of tokens, as `SLUICE_TOKENS_FILE` names one. */
export class Tokens {
  readonly file: string;
  readonly #folder = mkdtempSync(join(realpathSync(tmpdir()), "sluice-tokens-"));
  readonly #secrets = new Map<string, string>();

  /** Use `writeTokens`. */
  constructor(callers: Callers) {
    this.file = join(this.#folder, "tokens.json");
    this.write(callers);
  }

  /** The secret of a caller; it stays the same however often the file is written. */
  of(name: string): string {
    const secret = this.#secrets.get(name) ?? randomBytes(16).toString("hex");
    this.#secrets.set(name, secret);
    return secret;
  }

  /** From the next SIGHUP on these callers are known, and no others. */
  write(callers: Callers): void {
    const tokens = Object.entries(callers).map(([name, scopes]) => ({ name, token: this.of(name), scopes }));
    writeFileSync(this.file, JSON.stringify({ tokens }), { mode: 0o600 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true });
  }
}

/** For each caller a token of its own, with these scopes. */
export function writeTokens(callers: Callers): Tokens {
  return new Tokens(callers);
}
