import type { Request } from "express";

/** What a caller may do: take and give permits, look, or change what others have. */
export type Scope = "use" | "read" | "operate";

export interface Caller {
  /** Its secret, which is part of the names of its leases; empty without one. */
  readonly token: string;
  readonly scopes: ReadonlySet<Scope>;
}

const anybody: Caller = { token: "", scopes: new Set(["use", "read", "operate"]) };

/** Who sends a request. The only place where that is decided: no token is configured, so everybody may do everything. */
export function callerOf(_request: Request): Caller {
  return anybody;
}
