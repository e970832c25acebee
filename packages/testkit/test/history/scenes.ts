import { assembleHistory } from "../../src/history/assemble.js";
import type { HistoryEvent } from "../../src/history/events.js";
import type { Fate, History } from "../../src/history/history.js";

/** One acquire of a process of its own. */
export interface Call {
  readonly at: number;
  readonly permits?: number;
  readonly priority?: number;
  readonly fence?: number;
  /** From when until when it is believed. Without `released` that is the end of its validity. */
  readonly held?: readonly [from: number, to: number];
  /** When its release, which was asked for when it was last believed, was answered with true. */
  readonly released?: number;
  /** When it was refused; it did not wait then. */
  readonly refused?: number;
  /** When it was seen in the queue. */
  readonly queued?: number;
  readonly fate?: Omit<Fate, "process">;
}

/** A history of some calls by the processes p1, p2 and so on; fences are in their order unless said. */
export function scene(...calls: readonly Call[]): History {
  const fates = calls.map(({ fate }, index) => ({ process: `p${index + 1}`, ...fate }));
  return assembleHistory(
    calls.map((call, index) => logOf(call, index + 1)),
    fates,
  );
}

function logOf(
  { at, permits = 1, priority = 0, fence, held, released, refused, queued }: Call,
  number: number,
): HistoryEvent[] {
  const lease = `lease-${number}`;
  const events: HistoryEvent[] = [
    { kind: "began", at, process: `p${number}`, semaphore: "api" },
    { kind: "invoke", at, call: 1, permits, priority, waitMs: refused === undefined ? undefined : 0 },
  ];
  if (queued !== undefined) events.push({ kind: "queued", at: queued, call: 1 });
  if (refused !== undefined) events.push({ kind: "fail", at: refused, call: 1, code: "ACQUIRE_TIMEOUT" });
  if (held === undefined) return events;
  const [from, to] = held;
  events.push({ kind: "ok", at: from, call: 1, lease, fence: fence ?? number, until: to });
  if (released === undefined) return events;
  events.push({ kind: "release", at: to, lease }, { kind: "released", at: released, lease, held: true });
  return events;
}
