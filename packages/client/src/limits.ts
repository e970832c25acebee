/** The longest wait of one request; who wants to wait longer asks again with the same `Idempotency-Key`. */
export const MAX_WAIT_MS = 300_000;

/** How many leases one renew may carry. */
export const MAX_RENEWALS = 1_000;

/** How long the place of an acquire with an `Idempotency-Key`, or its grant, outlives a hang-up or a timeout. */
export const LINGER_MS = 5_000;
