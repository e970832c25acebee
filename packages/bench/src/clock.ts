/** Milliseconds of the machine's monotonic clock, which all of its processes read alike. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
