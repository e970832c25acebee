import type { IncomingMessage } from "node:http";
import type { RequestHandler, Response } from "express";
import { HttpProblem } from "../http/problem.js";
import { type Caller, type Scope, scopes } from "./caller.js";
import { Hosts } from "./hosts.js";
import { refusePages } from "./pages.js";
import { type Token, Tokens } from "./tokens.js";

export interface AccessOptions {
  /** Without any, every caller may do everything. */
  readonly tokens?: readonly Token[];
  /** The values of `Host` that are answered beside those of loopback; see `Hosts`. */
  readonly allowedHosts?: readonly string[];
}

const everything: ReadonlySet<Scope> = new Set(scopes);
const nothing: ReadonlySet<Scope> = new Set();

/** Who may come in, and what for. */
export class Access {
  readonly #hosts: Hosts;
  #tokens: Tokens;
  /** Nobody needs a token. Once there were tokens, a list without any lets nobody in. */
  #open: boolean;
  readonly #watched = new Map<() => void, { readonly caller: Caller; readonly scope: Scope }>();

  constructor({ tokens = [], allowedHosts = [] }: AccessOptions = {}) {
    this.#hosts = new Hosts(allowedHosts);
    this.#tokens = new Tokens(tokens);
    this.#open = tokens.length === 0;
  }

  /** From now on these tokens are valid, and no others. */
  useTokens(tokens: readonly Token[]): void {
    this.#tokens = new Tokens(tokens);
    this.#open &&= tokens.length === 0;
    for (const [withdrawn, { caller, scope }] of this.#watched) {
      if (!this.#stillAdmits(caller, scope)) withdrawn();
    }
  }

  /**
   * Calls `withdrawn` when the caller's token is not good for `scope` any more, for what lasts as long as its
   * connection. Returns the function that ends this.
   */
  watch(caller: Caller, scope: Scope, withdrawn: () => void): () => void {
    this.#watched.set(withdrawn, { caller, scope });
    return () => this.#watched.delete(withdrawn);
  }

  /**
   * Who sends a request or an upgrade.
   *
   * @throws HttpProblem FORBIDDEN for a Host or an Origin that is none of ours, UNAUTHENTICATED without a known token
   */
  admit(request: IncomingMessage): Caller {
    refusePages(request, this.#hosts);
    return this.#callerOf(request);
  }

  /** Before everything else, whatever is asked for. */
  readonly guard: RequestHandler = (request, _response, next) => {
    refusePages(request, this.#hosts);
    next();
  };

  /** Before a call that takes `scope`: finds out who calls, for `callerOf`. */
  permit(scope: Scope | "none"): RequestHandler {
    return (request, response, next) => {
      response.locals.caller = scope === "none" ? strangerOf(request) : this.#callerOf(request);
      if (scope !== "none") requireScope(response.locals.caller, scope);
      next();
    };
  }

  #stillAdmits({ token }: Caller, scope: Scope): boolean {
    return this.#open || (this.#tokens.find(token)?.scopes.has(scope) ?? false);
  }

  #callerOf(request: IncomingMessage): Caller {
    if (this.#open) return { ...strangerOf(request), scopes: everything };
    const { authorization } = request.headers;
    if (authorization === undefined) throw unauthenticated("this sidecar asks for a token", "Bearer");
    const [, presented] = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization) ?? [];
    const known = presented === undefined ? undefined : this.#tokens.find(presented);
    if (known !== undefined) return { ...known.token, scopes: known.scopes };
    throw unauthenticated("this token is not known", 'Bearer error="invalid_token"');
  }
}

/** @throws HttpProblem FORBIDDEN where the caller's token is for other things */
export function requireScope({ name, scopes }: Caller, scope: Scope): void {
  if (scopes.has(scope)) return;
  throw new HttpProblem(
    "FORBIDDEN",
    `the token "${name}" lacks the scope ${scope}`,
    {},
    { "www-authenticate": `Bearer error="insufficient_scope", scope="${scope}"` },
  );
}

/** Who sent the request that is answered. */
export function callerOf(response: Response): Caller {
  return response.locals.caller;
}

function strangerOf({ socket }: IncomingMessage): Caller {
  return { token: "", name: socket.remoteAddress ?? "unknown", scopes: nothing };
}

/** RFC 6750, section 3. */
function unauthenticated(detail: string, challenge: string): HttpProblem {
  return new HttpProblem(
    "UNAUTHENTICATED",
    `${detail}; send it as "Authorization: Bearer …"`,
    {},
    { "www-authenticate": challenge },
  );
}
