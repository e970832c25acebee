/** What two monotonic clocks may disagree by over a span: 2 ms, and 0.2 % (clocks are slewed by at most 0.05 % each). */
const driftMs = (spanMs: number): number => 2 + spanMs * 0.002;

/**
 * Until when, on this process's monotonic clock, the holder may believe in a lease that the sidecar said would last
 * for `expiresInMs` from its answer, after it had spent `waitedMs` on the request.
 *
 * It never believes too long. The sidecar took the request up no earlier than it was sent, and answered `waitedMs`
 * later (rounded down): so the answer was made no earlier than `sentAt + waitedMs`, and the lease ends no earlier than
 * `sentAt + waitedMs + expiresInMs`. How long either message was under way, or lay in a buffer, makes the holder only
 * more careful. Counted from the arrival of the answer, it would add that delay to the lease. Both durations are of
 * the sidecar's clock, so the drift is counted over both.
 */
export function believedUntil(sentAt: number, waitedMs: number, expiresInMs: number): number {
  const spanMs = waitedMs + expiresInMs;
  return sentAt + spanMs - driftMs(spanMs);
}
