/** The WebSocket subprotocol of a session. */
export const SUBPROTOCOL = "sluice.v1";

/**
 * The header of the upgrade by which a client tells its own end of the connection, as `address:port`. A sidecar that
 * sees the same one at its end knows that nothing stands in between: not even a tunnel on the same host, which would
 * end one half of a connection without the other.
 */
export const CLIENT_END_HEADER = "sluice-client-end";

/** Reasons to end a session, as WebSocket close codes. */
export const closeCodes = {
  /** Goodbye: what the session holds is released at once. */
  goodbye: 1000,
  /** From the sidecar: it ends. The leases live on for as long as the store has confirmed them. */
  restart: 1012,
  /** From the client: it goes, and somebody may still believe in its leases, which must be left to their time. */
  leaveToLapse: 4000,
} as const;
