import type { Master } from "./master.js";
import type { Quorum, Reply } from "./quorum.js";
import { isNewer, type LeaseRecord, type StoredDefinition, type WaiterRecord } from "./records.js";

/** A lease as masters told of it. */
export interface SeenLease {
  readonly lease: string;
  slots: readonly number[];
  revoked: boolean;
  /** How many masters hold it. */
  holders: number;
  /** The one of the latest turn, and for how long it lasts still; where records were asked for. */
  record: LeaseRecord | undefined;
  lastsMs: number;
}

export interface SeenWaiter {
  readonly lease: string;
  /** In the order of the queue. */
  readonly place: number;
  readonly record: WaiterRecord;
}

/** What a majority of masters knows of a semaphore, put together. */
export interface View {
  /** Monotonic time before the masters were asked. */
  readonly sentAt: number;
  /** The masters' clock: the latest of them. */
  readonly now: number;
  /** For how long no majority votes yet; 0 in ordinary times. */
  readonly recoversMs: number;
  /** Undefined where the semaphore was never made; it may have been removed. */
  readonly definition: StoredDefinition | undefined;
  readonly granted: number;
  readonly ticket: number;
  readonly grants: number;
  readonly lapses: number;
  readonly revocations: number;
  readonly waiting: number;
  /** Until the next lease lapses; Infinity without leases. */
  readonly nextLapseMs: number;
  /** All that any master holds. */
  readonly leases: ReadonlyMap<string, SeenLease>;
  readonly waiters: readonly SeenWaiter[];
  /** How many masters were not heard. */
  readonly unheard: number;
  /** How many of those that were heard may have forgotten votes. */
  readonly recovering: number;
  /** Masters that do not know the definition yet. */
  readonly behind: readonly Master[];
}

/** By a place in `look.lua`'s reply. */
type RawLook = readonly [
  now: number,
  recoversMs: number,
  definition: string,
  granted: number,
  ticket: number,
  grants: number,
  lapses: number,
  revocations: number,
  waiting: number,
  nextLapseMs: number,
  leases: readonly (string | number)[],
  waiters: readonly string[],
];

interface Look {
  readonly master: Master;
  readonly raw: RawLook;
  readonly definition: StoredDefinition | undefined;
}

export interface LookOptions {
  readonly process?: string;
  readonly enter?: readonly (readonly [lease: string, place: number, ticket: number, text: string])[];
  readonly remove?: readonly string[];
  /** The records of the leases, too. */
  readonly records?: boolean;
  /** From where in the queue on to list waiters. */
  readonly from?: number | "-inf";
  readonly most?: number;
}

/** Enough to know who is before one's own waiters, wherever the limit is not far higher. */
const usualWaiters = 64;

/** @throws StoreUnavailableError */
export async function lookAt(quorum: Quorum, semaphore: string, options: LookOptions = {}): Promise<View> {
  const { process = "", enter = [], remove = [], records = false } = options;
  const { from = "-inf", most = usualWaiters } = options;
  const args = [
    process,
    JSON.stringify(enter),
    JSON.stringify(remove),
    records ? "1" : "",
    String(from),
    String(most),
  ];
  const sentAt = performance.now();
  const replies = await quorum.ask(quorum.scripts.look, quorum.keys.of(semaphore).look, args);
  return merge(replies, quorum, sentAt, records);
}

function merge(replies: readonly Reply[], quorum: Quorum, sentAt: number, records: boolean): View {
  const looks = replies.map(({ master, value }): Look => {
    const raw = value as RawLook;
    return { master, raw, definition: raw[2] === "" ? undefined : JSON.parse(raw[2]) };
  });
  const definition = newest(looks);
  const counting = looks.filter((look) => look.definition?.life === definition?.life);
  const highest = (place: 0 | 3 | 4 | 5 | 6 | 7 | 8, among = looks) =>
    among.reduce((most, { raw }) => Math.max(most, raw[place]), 0);
  const nextLapses = looks.map(({ raw }) => raw[9]).filter((ms) => ms >= 0);
  return {
    sentAt,
    now: highest(0),
    recoversMs: recoversMs(looks, quorum.majority),
    definition,
    granted: highest(3),
    ticket: highest(4),
    grants: highest(5, counting),
    lapses: highest(6, counting),
    revocations: highest(7, counting),
    waiting: highest(8),
    nextLapseMs: Math.min(Number.POSITIVE_INFINITY, ...nextLapses),
    leases: mergeLeases(looks, records),
    waiters: mergeWaiters(looks, quorum),
    unheard: quorum.masters.length - looks.length,
    recovering: looks.filter(({ raw }) => raw[1] > 0).length,
    behind: looks
      .filter((look) => look.definition?.author !== definition?.author)
      .map(({ master }) => master),
  };
}

function newest(looks: readonly Look[]): StoredDefinition | undefined {
  let found: StoredDefinition | undefined;
  for (const { definition } of looks)
    if (definition !== undefined && isNewer(definition, found)) found = definition;
  return found;
}

/** A majority votes once so many of the masters that answered do. */
function recoversMs(looks: readonly Look[], majority: number): number {
  const pauses = looks.map(({ raw }) => raw[1]).sort((one, other) => one - other);
  return pauses[majority - 1] ?? 0;
}

function mergeLeases(looks: readonly Look[], records: boolean): ReadonlyMap<string, SeenLease> {
  const leases = new Map<string, SeenLease>();
  const width = records ? 4 : 2;
  for (const { raw } of looks) {
    const found = raw[10];
    for (let at = 0; at < found.length; at += width) {
      const [lease = "", entry, text, lastsMs = 0] = found.slice(at, at + width);
      const record: LeaseRecord | undefined = text === undefined ? undefined : JSON.parse(String(text));
      addLease(leases, String(lease), String(entry), record, Number(lastsMs));
    }
  }
  return leases;
}

function addLease(
  leases: Map<string, SeenLease>,
  lease: string,
  entry: string,
  record: LeaseRecord | undefined,
  lastsMs: number,
): void {
  const [flags = "", slots = ""] = entry.split(":");
  const revoked = flags.includes("r");
  const seen = leases.get(lease);
  if (seen === undefined) {
    leases.set(lease, { lease, slots: slots.split(",").map(Number), revoked, holders: 1, record, lastsMs });
    return;
  }
  seen.holders += 1;
  seen.revoked ||= revoked;
  seen.lastsMs = Math.max(seen.lastsMs, lastsMs);
  if ((record?.turn ?? -1) <= (seen.record?.turn ?? -1)) return;
  seen.record = record;
  seen.slots = slots.split(",").map(Number);
}

/** What only a minority knows has left while that minority was away. */
function mergeWaiters(looks: readonly Look[], { masters, majority }: Quorum): SeenWaiter[] {
  const unheard = masters.length - looks.length;
  const waiters = new Map<string, SeenWaiter>();
  const knownBy = new Map<string, number>();
  for (const { raw } of looks) {
    const found = raw[11];
    for (let at = 0; at < found.length; at += 3) {
      const [lease = "", place, text = ""] = found.slice(at, at + 3);
      waiters.set(lease, { lease, place: Number(place), record: JSON.parse(text) });
      knownBy.set(lease, (knownBy.get(lease) ?? 0) + 1);
    }
  }
  return [...waiters.values()]
    .filter(({ lease }) => (knownBy.get(lease) ?? 0) + unheard >= majority)
    .sort(inOrder);
}

/** Two processes may have taken the same ticket at once. */
export function inOrder(
  one: Pick<SeenWaiter, "lease" | "place">,
  other: Pick<SeenWaiter, "lease" | "place">,
): number {
  return one.place - other.place || (one.lease < other.lease ? -1 : 1);
}

/** Whether a majority may have voted for the lease: those that were not heard may, and those that have forgotten. */
export function mayBeHeld({ holders }: SeenLease, view: View, { majority }: Quorum): boolean {
  return holders + view.unheard + view.recovering >= majority;
}
