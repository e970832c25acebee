/** What a caller may do: take and give permits, look, or change what others have. `operate` includes the other two. */
export const scopes = ["use", "read", "operate"] as const;

export type Scope = (typeof scopes)[number];

export interface Caller {
  /** Its secret, which is part of the names of its leases; empty without one. */
  readonly token: string;
  /** What its token is called in the logs and counted by; its address where no token is configured. */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}
