import type { AcquireRequest, Definition, Restore } from "../../store.js";

/** The texts that go to and come from apply.lua, whose header describes them. */

/** A lease as its holder knows it from the grant. */
export type Terms = Omit<Restore, "create">;

/** As the process that holds the lease knows it. */
export interface OwnTerms extends Terms {
  /** Since when it belongs to its attempt, in the semaphore's clock. */
  readonly ownedAt: number;
}

/** The key that the scripts make all others of a semaphore from. */
export function factsKey(prefix: string, semaphore: string): string {
  return `${prefix}:{${semaphore}}:facts`;
}

export function inboxOf(prefix: string, process: string): string {
  return `${prefix}:inbox:${process}`;
}

export const refusals = {
  timeout: -1,
  queueFull: -2,
  exceedsLimit: -3,
  unknown: -4,
  reused: -5,
  superseded: -6,
  outOfMemory: -7,
  inUse: -8,
  lapsed: -9,
  revoked: -10,
  recovering: -11,
} as const;

/** `first`: the ask is spared a look-up; `again`: for a waiter that this process believes queued. */
export type AcquireMode = "first" | "known" | "again";

const codes: Readonly<Record<AcquireMode, string>> = { first: "B", known: "a", again: "?" };

/**
 * Operations that need nothing but a name go together in one list, a run, whose start says what they are:
 * `["A",0,name,name]`. Others stand alone.
 */
export type RunStart = '"r"' | '"n"' | `"A",${number}`;

export const runs = { release: '"r"', renew: '"n"' } as const;

/** The run of acquires that ask for one permit and have no other wish than how long their lease is. */
export function runOf({
  permits,
  waitMs,
  priority,
  leaseMs,
  attempt,
  fingerprint,
}: AcquireRequest): RunStart | undefined {
  const plain = permits === 1 && waitMs > 0 && priority === 0 && attempt === "" && fingerprint === "";
  return plain ? `"A",${leaseMs ?? 0}` : undefined;
}

export function encodeAcquire(mode: AcquireMode, request: AcquireRequest, holder: string): string {
  const { lease, permits, waitMs, priority, leaseMs, attempt, fingerprint } = request;
  const queue = waitMs > 0 ? 1 : 0;
  return JSON.stringify([
    codes[mode],
    lease,
    permits,
    queue,
    priority,
    leaseMs ?? 0,
    holder,
    attempt,
    fingerprint,
  ]);
}

const unescaped = /^[\w-]+$/;

/** Names that come from elsewhere, of leases to release or renew, are any text. */
function quote(name: string): string {
  return unescaped.test(name) ? `"${name}"` : JSON.stringify(name);
}

export const encode = {
  cancel: (lease: string, attempt: string) => JSON.stringify(["c", lease, attempt]),
  name: quote,
  releaseOwned: (lease: string, attempt: string) => JSON.stringify(["R", lease, attempt]),
  discard: (lease: string, fence: number) => `["z",${quote(lease)},${fence}]`,
  renewFor: (lease: string, leaseMs: number) => `["N",${quote(lease)},${leaseMs}]`,
  claim: (lease: string, attempt: string, restore?: Terms) => {
    const { permits, fence, leaseMs, holder } = restore ?? {};
    return JSON.stringify(
      restore === undefined ? ["k", lease, attempt] : ["k", lease, attempt, permits, fence, leaseMs, holder],
    );
  },
  ensure: ({ limit, leaseMs, maxWaiters }: Definition) => `["e",${limit},${leaseMs},${maxWaiters}]`,
  claimAgain: (lease: string, attempt: string, { permits, fence, leaseMs, holder, ownedAt }: OwnTerms) =>
    JSON.stringify(["K", lease, attempt, permits, fence, leaseMs, holder, ownedAt]),
  recall: ({ limit, leaseMs, maxWaiters }: Definition, version: number, inUse: boolean) =>
    `["D",${limit},${leaseMs},${maxWaiters},${version},${inUse ? 1 : 0}]`,
  define: ({ limit, leaseMs, maxWaiters }: Definition) => `["d",${limit},${leaseMs},${maxWaiters}]`,
  resize: (limit: number) => `["s",${limit}]`,
  revoke: (lease: string) => JSON.stringify(["v", lease]),
  remove: () => `["x"]`,
};

export interface BatchHeader {
  readonly process: string;
  readonly batch: number;
  /** The batch that must have been the last one of this process; 0: any older one. */
  readonly after: number;
  readonly fenceSeen: number;
  readonly maxLeaseMs: number;
  /** As JSON. */
  readonly holder: string;
  readonly knowledge: Knowledge;
  /** How long ago another life of the server has served this process, where that may matter. */
  readonly servedAgoMs: number | undefined;
}

/** What a caller knows of the server, for a semaphore that it does not know yet. */
export const knowledge = {
  none: 0,
  /** This life of the server has lasted for longer than any lease. */
  oldLife: 1,
  /** The server holds no leases of an earlier life. */
  fresh: 2,
} as const;

export type Knowledge = (typeof knowledge)[keyof typeof knowledge];

export function encodeBatch(header: BatchHeader, operations: string): string {
  const { process, batch, after, fenceSeen, maxLeaseMs, holder, knowledge, servedAgoMs } = header;
  const known = knowledge === 0 && servedAgoMs === undefined ? "" : `,${knowledge}`;
  const end = servedAgoMs === undefined ? `${after}${known}` : `${after}${known},${Math.floor(servedAgoMs)}`;
  return `["${process}",${batch},${fenceSeen},${maxLeaseMs},${holder},[${operations}],${end}]`;
}

/** A number, or for what is held already or queued `[1, fence, expiresAt, leaseMs, permits]` or `[0, sequence]`. */
export type WireAnswer = number | readonly number[];

export interface Notices {
  readonly grants: readonly (readonly [lease: string, number: number])[];
  readonly misfits: readonly string[];
  readonly revoked: readonly string[];
  readonly removed: boolean;
}

export interface Reply {
  /** The semaphore's clock, in the server. */
  readonly now: number;
  readonly fenceBase: number;
  /** -1 where the semaphore does not exist. */
  readonly limit: number;
  readonly leaseMs: number;
  readonly maxWaiters: number;
  readonly version: number;
  readonly digest: number;
  /** 0: no need to come. */
  readonly lapseInMs: number;
  readonly more: boolean;
  readonly repeated: boolean;
  readonly answers: readonly WireAnswer[];
  readonly notices: Notices | undefined;
  /** Present while the semaphore recovers. */
  readonly recovery: Recovery | undefined;
}

export interface Recovery {
  /** Until when nothing is granted, in the semaphore's clock. */
  readonly until: number;
  readonly cause: string;
}

type RawNotices = [Notices["grants"], string[], string[], number];

/** Undefined for a batch that the server did not run: it is older than the last one, or does not follow it as it must. */
export function decodeReply(text: string): Reply | undefined {
  const raw = JSON.parse(text);
  if (raw === 0) return undefined;
  const [now, fenceAhead, limit, leaseMs, maxWaiters, version, digest, lapseInMs, flags, ...rest] = raw;
  const [answers, notices, recovery] = rest;
  return {
    now,
    fenceBase: now * 1_000 + fenceAhead,
    limit,
    leaseMs,
    maxWaiters,
    version,
    digest,
    lapseInMs,
    more: flags % 2 === 1,
    repeated: flags >= 2,
    answers,
    notices: notices === 0 ? undefined : decodeNotices(notices),
    recovery: recovery === undefined ? undefined : { until: recovery[0], cause: recovery[1] },
  };
}

export interface Push {
  readonly semaphore: string;
  readonly incarnation: string;
  readonly now: number;
  readonly fenceBase: number;
  readonly leaseMs: number;
  readonly limit: number;
  readonly notices: Notices;
}

export function decodePush(text: string): Push {
  const [semaphore, incarnation, now, fenceBase, leaseMs, limit, notices] = JSON.parse(text);
  return { semaphore, incarnation, now, fenceBase, leaseMs, limit, notices: decodeNotices(notices) };
}

function decodeNotices([grants, misfits, revoked, removed]: RawNotices): Notices {
  return { grants, misfits, revoked, removed: removed === 1 };
}

/** Collects the operations of one batch. Releases go first: what they free is there for whoever comes after. */
export class BatchText {
  #releases = "";
  #others = "";
  #open: RunStart | undefined;

  /** @param run given: `text` is a name that may go together with others of the same run */
  add(run: RunStart | undefined, text: string): void {
    if (run === runs.release) {
      this.#releases += this.#releases === "" ? text : `,${text}`;
      return;
    }
    if (run !== undefined && run === this.#open) {
      this.#others += `,${text}`;
      return;
    }
    this.#close();
    if (this.#others !== "") this.#others += ",";
    this.#others += run === undefined ? text : `[${run},${text}`;
    this.#open = run;
  }

  toString(): string {
    this.#close();
    if (this.#releases === "") return this.#others;
    return this.#others === ""
      ? `[${runs.release},${this.#releases}]`
      : `[${runs.release},${this.#releases}],${this.#others}`;
  }

  #close(): void {
    if (this.#open !== undefined) this.#others += "]";
    this.#open = undefined;
  }
}
