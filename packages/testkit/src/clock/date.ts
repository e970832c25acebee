/**
 * Options of node that set its time of day off by `offsetMs`, as on a host whose clock is wrong: `Date` tells another
 * time, and the monotonic clock and timers go on as they are.
 */
export function dateSetOff(offsetMs: number): readonly string[] {
  const module = `
    const { Date: TrueDate } = globalThis;
    globalThis.Date = class Date extends TrueDate {
      constructor(...parts) {
        super(...(parts.length === 0 ? [Date.now()] : parts));
      }
      static now() {
        return TrueDate.now() + ${offsetMs};
      }
    };`;
  return ["--import", `data:text/javascript,${encodeURIComponent(module)}`];
}
