import Redlock, { type ExecutionError, type ExecutionStats, Lock } from "redlock";
import { StoreUnavailableError } from "../../errors.js";
import type { StoreObserver } from "../../store.js";
import { RecoveryWatch } from "../recovery-watch.js";
import { commandTimeoutMs, type MasterClient } from "./client.js";
import { Freshness } from "./freshness.js";
import type { Keys } from "./keys.js";
import { Master, type MasterListener } from "./master.js";
import type { Slotted } from "./records.js";
import { type Script, type Scripts, scriptsFor } from "./scripts.js";

/** A lease is believed a little shorter than the masters hold it: rounding, and clocks that run unevenly. */
const roundingMs = 2;
const unevenness = 0.002;
/** For so long after it was made a quorum waits for the connections to all of its masters. */
const connectingMs = 100;
/** How long the others have once a majority has answered, at least. */
const shortestGraceMs = 5;

/** `t`ake, `k`eep, cou`n`t, keep what is `h`eld, `c`laim, `r`estore by a claim; vote.lua says what each means. */
export type VoteOperation = "t" | "k" | "n" | "h" | "c" | "r";

/** What the masters said to a vote. */
export type Verdict =
  | { readonly carried: true; readonly validUntil: number }
  | {
      readonly carried: false;
      /** Why masters voted against, one reason each. */
      readonly reasons: readonly string[];
      /** Whether the masters that were not heard could have made it a majority. */
      readonly certain: boolean;
      readonly inFavour: number;
    };

export interface Reply {
  readonly master: Master;
  readonly value: unknown;
}

export interface QuorumSetup {
  readonly clients: readonly MasterClient[];
  readonly keys: Keys;
  readonly maxLeaseMs: number;
  readonly assumeFresh: boolean;
}

/** An odd number of masters that know nothing of each other. What a majority of them has done is done. */
export class Quorum implements MasterListener {
  readonly masters: readonly Master[];
  readonly majority: number;
  readonly keys: Keys;
  readonly scripts: Scripts;
  readonly #redlock: InstanceType<typeof Redlock>;
  readonly #recovery = new RecoveryWatch();
  readonly #observers = new Set<StoreObserver>();
  readonly #madeAt = performance.now();
  #told: boolean | undefined;
  #closed = false;

  constructor({ clients, keys, maxLeaseMs, assumeFresh }: QuorumSetup) {
    this.keys = keys;
    this.scripts = scriptsFor(maxLeaseMs);
    this.majority = Math.floor(clients.length / 2) + 1;
    const { scripts } = this;
    const { marker } = keys;
    const freshness = new Freshness(clients.length, assumeFresh);
    this.masters = clients.map(
      (client) => new Master({ client, scripts, marker, freshness, listener: this }),
    );
    this.#redlock = new Redlock(
      this.masters as unknown as ConstructorParameters<typeof Redlock>[0],
      { retryCount: 0 },
      { extendScript: () => scripts.vote.text, releaseScript: () => scripts.release.text },
    );
  }

  /**
   * Votes on the slots of a lease. redlock counts; what it judges by `Date.now()` is switched off, and how long the lease
   * may be believed is counted from before the call, by the monotonic clock.
   *
   * Its `acquire` would invent the value that the slots hold. A lease has to be found by its name after a lost answer,
   * so the lock is made here, and `extend`, whose script takes free slots too, votes on it.
   */
  async vote(
    operation: VoteOperation,
    semaphore: string,
    { record, slots }: Slotted,
    leaseMs: number,
  ): Promise<Verdict> {
    const sentAt = performance.now();
    const lock = this.#lock(semaphore, slots, operation + JSON.stringify(record));
    try {
      await this.#redlock.extend(lock, leaseMs);
      const validUntil = sentAt + leaseMs - roundingMs - leaseMs * unevenness;
      return { carried: true, validUntil };
    } catch (error) {
      return this.#judge(await statsOf(error));
    } finally {
      this.#observed(sentAt);
    }
  }

  /** Frees the slots that this attempt has. */
  async release(semaphore: string, { record, slots }: Slotted): Promise<Verdict> {
    const sentAt = performance.now();
    const lock = this.#lock(semaphore, slots, JSON.stringify(record));
    try {
      await this.#redlock.release(lock);
      return { carried: true, validUntil: 0 };
    } catch (error) {
      return this.#judge(await statsOf(error));
    } finally {
      this.#observed(sentAt);
    }
  }

  /** Tells every master of a lease that is believed: it is kept also by those that had not voted for it. */
  spread(operation: "k" | "n", semaphore: string, { record, slots }: Slotted, leaseMs: number): void {
    const keys = this.keys.of(semaphore).vote(slots);
    const args = [operation + JSON.stringify(record), String(leaseMs)];
    for (const master of this.masters) master.run(this.scripts.vote, keys, args).catch(() => {});
  }

  /**
   * The replies of a majority at least. Once there is one of masters that vote, the others have as long again: a master
   * that is slow by habit is heard, one that hangs holds nobody up.
   *
   * @throws StoreUnavailableError
   */
  ask(script: Script, keys: readonly string[], args: readonly string[]): Promise<Reply[]> {
    const sentAt = performance.now();
    return new Promise<Reply[]>((resolve, reject) => {
      const replies: Reply[] = [];
      let open = this.masters.length;
      let grace: NodeJS.Timeout | undefined;
      const settle = () => {
        clearTimeout(grace);
        if (replies.length >= this.majority) resolve([...replies]);
        else reject(this.unavailable());
      };
      const heard = () => {
        open -= 1;
        if (open === 0 || replies.length + open < this.majority) settle();
        else if (replies.filter(({ master }) => master.votes).length >= this.majority)
          grace ??= setTimeout(settle, Math.max(shortestGraceMs, performance.now() - sentAt));
      };
      for (const master of this.masters)
        master
          .run(script, keys, args)
          .then(
            (value) => replies.push({ master, value }),
            () => {},
          )
          .then(heard);
    }).finally(() => this.#observed(sentAt));
  }

  /** Why too few masters answer. */
  unavailable(): Error {
    if (this.#closed) return new StoreUnavailableError("the store is closed");
    const away = this.masters.filter(({ up }) => !up);
    const refusal = away.find((master) => master.refusal !== undefined)?.refusal;
    if (refusal !== undefined) return refusal;
    const cause = away.find((master) => master.cause !== undefined)?.cause;
    const reason = cause instanceof Error ? `: ${cause.message}` : "";
    const { length } = this.masters;
    const answering = length - away.length;
    return new StoreUnavailableError(
      `${answering} of ${length} masters can be asked, and ${this.majority} are needed${reason}`,
      { cause },
    );
  }

  /**
   * Resolves when a majority is up, or when it is known that there is none, or after twice the time of a command. A
   * store that was made a moment ago waits for all.
   */
  async reachable(): Promise<void> {
    const deadline = performance.now() + commandTimeoutMs * 2;
    while (this.#isConnecting() && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 2));
  }

  observe(observer: StoreObserver): () => void {
    this.#observers.add(observer);
    if (this.#hasMajority()) observer.availability?.({ up: true });
    const end = this.#recovery.observe(observer);
    return () => {
      this.#observers.delete(observer);
      end();
    };
  }

  get closed(): boolean {
    return this.#closed;
  }

  changed(): void {
    this.#tellAvailability();
    this.#tellRecovery();
  }

  isKnown(incarnation: string, by: Master): boolean {
    return this.masters.some((master) => master !== by && master.up && master.incarnation === incarnation);
  }

  close(): void {
    this.#closed = true;
    this.#recovery.close();
    for (const master of this.masters) master.close();
  }

  #lock(semaphore: string, slots: readonly number[], value: string): Lock {
    const resources = this.keys.of(semaphore).vote(slots);
    return new Lock(this.#redlock, resources, value, [], Number.POSITIVE_INFINITY);
  }

  #judge({ votesFor, votesAgainst }: ExecutionStats): Verdict {
    const reasons: string[] = [];
    let unheard = 0;
    for (const { name, message } of votesAgainst.values()) {
      if (name === "ReplyError" && !/^(UNMET|NOSCRIPT|READONLY|LOADING|BUSY|OOM|MISCONF)/.test(message))
        reasons.push(message.split(" ", 1)[0] ?? "");
      else unheard += 1;
    }
    const inFavour = votesFor.size;
    return { carried: false, reasons, inFavour, certain: inFavour + unheard < this.majority };
  }

  #isConnecting(): boolean {
    if (this.#closed || !this.masters.some(({ up, away }) => !up && !away)) return false;
    return !this.#hasMajority() || performance.now() - this.#madeAt < connectingMs;
  }

  #hasMajority(): boolean {
    return this.masters.filter(({ up }) => up).length >= this.majority;
  }

  #tellAvailability(): void {
    const up = this.#hasMajority();
    if (!up && this.masters.filter(({ away }) => away).length < this.majority) return;
    if (up === this.#told) return;
    this.#told = up;
    const event = up ? { up } : { up, cause: this.unavailable() };
    for (const observer of this.#observers) observer.availability?.(event);
  }

  /** A recovery that others end is a minority's own affair. */
  #tellRecovery(): void {
    const open = this.masters.filter(({ up, away }) => !up && !away).length;
    const met = this.masters.filter(({ up }) => up).sort(byVotesAt);
    const last = met[this.majority - 1];
    if (open > 0 || last?.votesAt === undefined) return;
    if (last.votes) this.#recovery.end();
    else this.#recovery.begin(last.votesAt, last.why);
  }

  #observed(sentAt: number): void {
    const event = { durationMs: performance.now() - sentAt, operations: 1 };
    for (const observer of this.#observers) observer.roundtrip?.(event);
  }
}

function byVotesAt(one: Master, other: Master): number {
  return (one.votesAt ?? 0) - (other.votesAt ?? 0);
}

/** Resolves when every master has voted or was given up, which takes no longer than one command may. */
function statsOf(error: unknown): Promise<ExecutionStats> {
  const stats = (error as Partial<ExecutionError>).attempts?.at(-1);
  if (stats === undefined) throw error;
  return stats;
}
