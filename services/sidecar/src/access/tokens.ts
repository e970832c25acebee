import { createHash, timingSafeEqual } from "node:crypto";
import { type Scope, scopes } from "./caller.js";

/** A secret that lets whoever knows it in. */
export interface Token {
  /** What it is called in logs and counted by. */
  readonly name: string;
  readonly token: string;
  readonly scopes: Iterable<Scope>;
}

interface Known {
  readonly token: Token;
  readonly scopes: ReadonlySet<Scope>;
  readonly digest: Buffer;
}

/** The tokens that are valid now. How long a look takes tells nothing about any of them. */
export class Tokens {
  readonly #known: readonly Known[];

  constructor(tokens: readonly Token[]) {
    this.#known = tokens.map((token) => ({
      token,
      scopes: withIncluded(token.scopes),
      digest: digestOf(token.token),
    }));
  }

  get size(): number {
    return this.#known.length;
  }

  /** Digests are of one length, and every one is compared, also after the right one was found. */
  find(presented: string): Omit<Known, "digest"> | undefined {
    const digest = digestOf(presented);
    let found: Known | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.digest, digest)) found = known;
    return found;
  }
}

/** Whoever may operate may do everything. */
function withIncluded(given: Iterable<Scope>): ReadonlySet<Scope> {
  const own = new Set(given);
  return own.has("operate") ? new Set(scopes) : own;
}

function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
