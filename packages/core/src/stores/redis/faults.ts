/** What an error of a call means for the operations that it carried. */
export type Fault =
  /** Nobody knows whether it was carried out: ask again once connected. */
  | "lost"
  /** The server refuses for now: ask again in a moment. */
  | "busy"
  /** The server does not know the script, or has begun another life, or is no master any more: bind again. */
  | "unbound"
  /** Another node of the Cluster keeps the semaphore: ask there. */
  | "moved"
  /** No memory is left for grants. */
  | "out_of_memory"
  /** The state is of a newer library. */
  | "incompatible"
  /** The server will go on refusing: no permission, a key of another type. */
  | "refused";

const faultOfReply: Readonly<Record<string, Fault>> = {
  NOSCRIPT: "unbound",
  STALE: "unbound",
  READONLY: "unbound",
  MOVED: "moved",
  OOM: "out_of_memory",
  INCOMPATIBLE: "incompatible",
  LOADING: "busy",
  BUSY: "busy",
  ASK: "busy",
  TRYAGAIN: "busy",
  CLUSTERDOWN: "busy",
  MASTERDOWN: "busy",
  NOREPLICAS: "busy",
  MISCONF: "busy",
};

/** Judges by the code that starts an error reply; an error that is no reply comes from the connection. */
export function faultOf(error: unknown): Fault {
  if (!(error instanceof Error) || error.name !== "ReplyError") return "lost";
  return faultOfReply[error.message.split(" ", 1)[0] ?? ""] ?? "refused";
}
