/**
 * What becomes of a request. `cut-before` ends the connection without forwarding it; `cut-after` forwards it, waits
 * until the server has carried it out, and ends the connection before the reply reaches the client.
 */
export type RequestFate = "pass" | "cut-before" | "cut-after";

/** What becomes of a published message. `swallow` drops it; replies go on. */
export type PushFate = "pass" | "swallow";

export type Direction = "toServer" | "toClient";
