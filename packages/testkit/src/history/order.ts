import { type Fenced, fencedOf, nameOf } from "./fences.js";
import type { Finding, Span } from "./findings.js";
import { type Acquire, type History, timeoutCode } from "./history.js";

/** A timer may fire so much too early. */
const timerMarginMs = 2;

/**
 * Acquires that were overtaken, as far as it is certain from outside. That takes three things.
 *
 * - The waiter was queued before the other one reached the store: it was known to be queued before the other was asked
 *   for, or was called earlier in the same process (whose calls are taken in their order). It is known to be queued
 *   when somebody saw it in the queue, or when a later call of its process was granted.
 * - The other one was granted first: it has the lower fence; or it was in hand before the waiter's own time was over,
 *   which ended without a lease.
 * - Nothing excuses it: the other's priority is no higher, and the waiter's process was alive and awake and its
 *   place in the queue was safe (`outages`) all the time.
 *
 * Of several who overtook one waiter, or of several waiters that one overtook, one is told.
 */
export function* judgeOrder(history: History, outages: readonly Span[]): Generator<Finding> {
  const steady = history.acquires.filter((acquire) => mayComplain(acquire, history, outages));
  const waiters = knownWaiters(history, steady);
  const granted = fencedOf(history.acquires);
  yield* overtakenInProcess(granted, new Set(steady));
  yield* overtakenByFence(granted, waiters);
  yield* overtakenForGood(granted, waiters);
}

interface KnownWaiter {
  readonly acquire: Acquire;
  readonly queuedAt: number;
}

/** Whether its place in the queue was safe, and somebody was there to take the grant. */
function mayComplain(acquire: Acquire, { processes, endedAt }: History, outages: readonly Span[]): boolean {
  if (acquire.outcome === "unknown") return false;
  const life = processes.get(acquire.process);
  if (life === undefined || (acquire.outcome === "pending" && !life.lived)) return false;
  const wait = { from: acquire.invokedAt, to: Math.min(acquire.answeredAt, endedAt) };
  return ![...life.pauses, ...outages].some((span) => span.from <= wait.to && span.to >= wait.from);
}

/** Those of `steady` of which it is known from when on they were queued at the latest. */
function knownWaiters(history: History, steady: readonly Acquire[]): KnownWaiter[] {
  const laterGrant = new Map<string, number>();
  const knownAt = new Map<Acquire, number>();
  for (const acquire of [...history.acquires].sort((one, other) => other.call - one.call)) {
    const seen = laterGrant.get(acquire.process) ?? Number.POSITIVE_INFINITY;
    knownAt.set(acquire, Math.min(seen, acquire.queuedAt));
    if (acquire.outcome === "granted") laterGrant.set(acquire.process, Math.min(seen, acquire.answeredAt));
  }
  return steady
    .map((acquire) => ({ acquire, queuedAt: knownAt.get(acquire) ?? Number.POSITIVE_INFINITY }))
    .filter(({ acquire, queuedAt }) => queuedAt < acquire.answeredAt);
}

/** Calls of one process that were granted before an earlier call of it. */
function* overtakenInProcess(granted: readonly Fenced[], steady: ReadonlySet<Acquire>): Generator<Finding> {
  const last = new Map<string, Map<number, Fenced>>();
  for (const by of [...granted].sort((one, other) => one.call - other.call)) {
    const ofProcess = last.get(by.process) ?? new Map<number, Fenced>();
    last.set(by.process, ofProcess);
    for (const [priority, waiter] of ofProcess) {
      if (priority < by.priority || waiter.fence <= by.fence) continue;
      yield { kind: "overtaken", waiter: nameOf(waiter), by: nameOf(by), queuedAt: by.invokedAt };
      break;
    }
    const before = ofProcess.get(by.priority);
    if (steady.has(by) && (before === undefined || by.fence > before.fence)) ofProcess.set(by.priority, by);
  }
}

/** From the last grant to the first: who was granted later had been queued before this one was asked for. */
function* overtakenByFence(granted: readonly Fenced[], waiters: readonly KnownWaiter[]): Generator<Finding> {
  const queuedAt = new Map<Acquire, number>(waiters.map((waiter) => [waiter.acquire, waiter.queuedAt]));
  const earliest = new Map<number, KnownWaiter>();
  for (const by of [...granted].sort((one, other) => other.fence - one.fence)) {
    for (const [priority, waiter] of earliest) {
      if (priority < by.priority || waiter.queuedAt >= by.invokedAt) continue;
      yield { kind: "overtaken", waiter: nameOf(waiter.acquire), by: nameOf(by), queuedAt: waiter.queuedAt };
      break;
    }
    const known = queuedAt.get(by);
    if (known === undefined || known >= (earliest.get(by.priority)?.queuedAt ?? Number.POSITIVE_INFINITY))
      continue;
    earliest.set(by.priority, { acquire: by, queuedAt: known });
  }
}

/** Waiters whose time was over without a lease, while somebody who came later got one. */
function* overtakenForGood(granted: readonly Fenced[], waiters: readonly KnownWaiter[]): Generator<Finding> {
  const firstInHand = new Map<number, { readonly asked: readonly Acquire[]; readonly first: Acquire[] }>();
  for (const [priority, asked] of byPriority(granted)) {
    firstInHand.set(priority, { asked, first: suffixFirsts(asked) });
  }
  for (const { acquire, queuedAt } of waiters) {
    const over = ownEnd(acquire);
    if (over === undefined) continue;
    for (const [priority, { asked, first }] of firstInHand) {
      const by = priority > acquire.priority ? undefined : first[countUpTo(asked, queuedAt)];
      if (by === undefined || by.answeredAt >= over) continue;
      yield { kind: "overtaken", waiter: nameOf(acquire), by: nameOf(by), queuedAt };
      break;
    }
  }
}

/** Until when it surely queued, where it was never granted; undefined where it left the queue for a reason of its own. */
function ownEnd({ outcome, code, invokedAt, waitMs, answeredAt }: Acquire): number | undefined {
  if (outcome === "pending") return Number.POSITIVE_INFINITY;
  if (code !== timeoutCode) return undefined;
  return Math.min(answeredAt, invokedAt + waitMs) - timerMarginMs;
}

function byPriority(acquires: readonly Acquire[]): Map<number, Acquire[]> {
  const groups = new Map<number, Acquire[]>();
  for (const acquire of acquires) {
    const group = groups.get(acquire.priority);
    if (group === undefined) groups.set(acquire.priority, [acquire]);
    else group.push(acquire);
  }
  return groups;
}

/** For each place: of all from there on, the one that was in hand first. */
function suffixFirsts(asked: readonly Acquire[]): Acquire[] {
  const first = [...asked];
  for (let index = first.length - 2; index >= 0; index--) {
    const [here, later] = [first[index] as Acquire, first[index + 1] as Acquire];
    if (later.answeredAt < here.answeredAt) first[index] = later;
  }
  return first;
}

/** How many of `asked`, which are in order, were asked for at this moment or before. */
function countUpTo(asked: readonly Acquire[], moment: number): number {
  let low = 0;
  let high = asked.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((asked[middle] as Acquire).invokedAt <= moment) low = middle + 1;
    else high = middle;
  }
  return low;
}
