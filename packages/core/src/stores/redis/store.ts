import { StoreUnavailableError } from "../../errors.js";
import { defaultHolder } from "../../ids.js";
import type {
  AcquireRequest,
  AcquireResult,
  Claim,
  DefineResult,
  Definition,
  Page,
  ReleaseRequest,
  Renewal,
  RenewResult,
  ResizeResult,
  SemaphorePage,
  Snapshot,
  Store,
  StoreObserver,
} from "../../store.js";
import { RecoveryWatch } from "../recovery-watch.js";
import { type Manner, PatientCall, type Read } from "./call.js";
import { Lane } from "./lane.js";
import type { Link, Network, NetworkListener } from "./link.js";
import { Names } from "./names.js";
import type { Remembered } from "./recollection.js";
import { lookAt } from "./snapshot.js";
import { decodePush, encode, type Knowledge, knowledge, refusals, runs } from "./wire.js";

const tidyEveryMs = 60_000;
/** Definitions of semaphores that are not in use here. */
const mostRemembered = 10_000;
/** How long closing waits for what is under way. */
const closingMs = 1_000;

export interface RedisStoreSetup {
  readonly connect: (listener: NetworkListener) => Network;
  readonly prefix: string;
  readonly maxLeaseMs: number;
}

/** A lane for each semaphore, over one connection, or one to each node of a Cluster. */
export class RedisStore implements Store, NetworkListener {
  readonly maxLeaseMs: number;
  readonly #prefix: string;
  readonly #connection: Network;
  readonly #names: Names;
  readonly #lanes = new Map<string, Lane>();
  readonly #recovery = new RecoveryWatch();
  /** The definitions that stay, of semaphores that are not in use here: a server that has lost them is told. */
  readonly #remembered = new Map<string, Remembered>();
  readonly #holder = defaultHolder();
  readonly #tidying: NodeJS.Timeout;
  #batch = 0;
  #closing: Promise<void> | undefined;

  constructor({ connect, prefix, maxLeaseMs }: RedisStoreSetup) {
    this.maxLeaseMs = maxLeaseMs;
    this.#prefix = prefix;
    this.#connection = connect(this);
    this.#names = new Names(this.#connection, prefix);
    this.#tidying = setInterval(() => this.#tidy(), tidyEveryMs);
    this.#tidying.unref();
  }

  acquire(request: AcquireRequest, signal?: AbortSignal): Promise<AcquireResult> {
    if (this.#closing !== undefined) return Promise.reject(closed());
    if (signal?.aborted) return Promise.resolve({ outcome: "aborted" });
    return this.#lane(request.semaphore).acquire(request, signal);
  }

  release({ semaphore, lease, attempt }: ReleaseRequest): Promise<boolean> {
    const lane = this.#lane(semaphore);
    // A release that is repeated finds nothing where the first one was carried out: it was, if the lease was still good.
    const validUntil = lane.letGo(lease);
    // So it is where the server recovers, and may have lost the lease; but not where that may belong to somebody else now.
    const read: Read<boolean> = (answer, { recovery }, repeated) => {
      const mayBeGone = repeated || (recovery !== undefined && attempt === undefined);
      return answer === 1 || (mayBeGone && performance.now() < validUntil);
    };
    return attempt === undefined
      ? this.#ask(semaphore, encode.name(lease), read, { run: runs.release, outlives: true })
      : this.#ask(semaphore, encode.releaseOwned(lease, attempt), read, { outlives: true });
  }

  async renew(semaphore: string, renewals: readonly Renewal[]): Promise<RenewResult[]> {
    const lane = this.#lane(semaphore);
    return Promise.all(
      renewals.map(({ lease, leaseMs }) => {
        const read: Read<RenewResult> = (answer, reply) => lane.renewed(lease, answer, reply);
        return leaseMs === undefined
          ? this.#ask(semaphore, encode.name(lease), read, { run: runs.renew })
          : this.#ask(semaphore, encode.renewFor(lease, leaseMs), read);
      }),
    );
  }

  claim(semaphore: string, claims: readonly Claim[]): Promise<RenewResult[]> {
    const lane = this.#lane(semaphore);
    const create = claims.find(({ restore }) => restore?.create !== undefined)?.restore?.create;
    if (create !== undefined) lane.run(encode.recall(create, 0, true));
    return Promise.all(
      claims.map((claim) => {
        const read: Read<RenewResult> = (answer, reply) => lane.claimed(claim, answer, reply);
        return this.#ask(semaphore, encode.claim(claim.lease, claim.attempt, claim.restore), read);
      }),
    );
  }

  define(semaphore: string, definition: Definition): Promise<DefineResult> {
    const read: Read<DefineResult> = (answer, { version }) => ({
      created: answer === 1,
      definition,
      version,
    });
    return this.#ask(semaphore, encode.define(definition), read, { startsBatch: true });
  }

  resize(semaphore: string, limit: number): Promise<ResizeResult> {
    return this.#ask(semaphore, encode.resize(limit), (answer, { leaseMs, maxWaiters, version }) => {
      if (answer === refusals.unknown) return { outcome: "unknown" };
      return { outcome: "resized", definition: { limit, leaseMs, maxWaiters }, version };
    });
  }

  async remove(semaphore: string): Promise<"removed" | "in_use" | "unknown"> {
    const read: Read<"removed" | "in_use" | "unknown"> = (answer, _reply, repeated) => {
      if (answer === refusals.inUse) return "in_use";
      return answer === refusals.unknown && !repeated ? "unknown" : "removed";
    };
    const outcome = await this.#ask(semaphore, encode.remove(), read);
    // A name that is left behind is dropped by whoever lists it next.
    if (outcome === "removed") await this.#names.check(semaphore).catch(() => undefined);
    return outcome;
  }

  revoke(semaphore: string, lease: string): Promise<boolean> {
    return this.#ask(semaphore, encode.revoke(lease), (answer) => answer === 1);
  }

  async inspect(semaphore: string, page?: Page): Promise<Snapshot | undefined> {
    const look = lookAt(page);
    await this.#connection.reachable();
    const text = await this.#connection.inspect(this.#lane(semaphore).key, look.request);
    return text === null ? undefined : look.read(semaphore, text);
  }

  async list(page?: Page): Promise<SemaphorePage> {
    await this.#connection.reachable();
    return this.#names.list(page);
  }

  async ping(): Promise<void> {
    await this.#connection.reachable();
    await this.#connection.ping();
  }

  observe(observer: StoreObserver): () => void {
    const unobserve = [this.#connection.observe(observer), this.#recovery.observe(observer)];
    return () => {
      for (const end of unobserve) end();
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  connected(semaphore?: string): void {
    if (semaphore === undefined) this.#names.forgetAll();
    else this.#names.forget(semaphore);
    for (const lane of this.#lanesOf(semaphore)) lane.connected();
  }

  disconnected(cause: unknown, semaphore?: string): void {
    for (const lane of this.#lanesOf(semaphore)) lane.disconnected(cause);
  }

  /** A server that may have lost its data is told the definitions that this process remembers. */
  begunAnotherLife(): void {
    this.#names.forgetAll();
    for (const semaphore of this.#remembered.keys()) this.#lane(semaphore);
  }

  refused(error: Error): void {
    for (const lane of this.#lanes.values()) {
      lane.close(error);
      lane.end(error);
    }
  }

  pushed(text: string): void {
    const push = decodePush(text);
    this.#lane(push.semaphore).pushed(push);
  }

  async #close(): Promise<void> {
    for (const lane of this.#lanes.values()) lane.close(closed());
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closingMs);
    });
    await Promise.race([this.#underWay(), late]);
    clearTimeout(timer);
    clearInterval(this.#tidying);
    this.#connection.close();
    this.#recovery.close();
    for (const lane of this.#lanes.values()) lane.end(closed());
  }

  /** A lane answers in order: when it answers a call that asks for nothing, all before it have been carried out. */
  async #underWay(): Promise<void> {
    const busy = [...this.#lanes.values()].filter((lane) => lane.busy);
    await Promise.allSettled(
      busy.map((lane) => this.#ask(lane.semaphore, encode.cancel("", ""), () => undefined)),
    );
  }

  #ask<Result>(semaphore: string, text: string, read: Read<Result>, manner: Manner = {}): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#lane(semaphore).send(new PatientCall(text, read, resolve, reject, manner));
    });
  }

  #lanesOf(semaphore: string | undefined): Iterable<Lane> {
    if (semaphore === undefined) return this.#lanes.values();
    const lane = this.#lanes.get(semaphore);
    return lane === undefined ? [] : [lane];
  }

  #lane(semaphore: string): Lane {
    const lane = this.#lanes.get(semaphore);
    return lane ?? this.#newLane(semaphore);
  }

  #newLane(semaphore: string): Lane {
    const link = this.#connection.link(semaphore);
    const lane = new Lane({
      connection: link,
      prefix: this.#prefix,
      semaphore,
      maxLeaseMs: this.maxLeaseMs,
      holder: this.#holder,
      nextBatch: () => {
        this.#batch += 1;
        return this.#batch;
      },
      knowledge: () => this.#knowledge(link),
      remembered: this.#remembered.get(semaphore),
      seen: () => this.#names.enter(semaphore),
      recovers: (until, cause) => this.#recovers(until, cause),
    });
    this.#lanes.set(semaphore, lane);
    return lane;
  }

  #knowledge(link: Link): Knowledge {
    // What a caller says of a start is not believed for ever: the server may be flushed later.
    if (link.assumesFresh && link.knownForMs <= this.maxLeaseMs) return knowledge.fresh;
    return link.knownForMs > this.maxLeaseMs ? knowledge.oldLife : knowledge.none;
  }

  /** All semaphores may be concerned, also those that are quiet: their servers are told what there was. */
  #recovers(until: number, cause: string): void {
    if (!this.#recovery.begin(until, cause)) return;
    this.begunAnotherLife();
    for (const lane of this.#lanes.values()) lane.look();
  }

  #remember(semaphore: string, remembered: Remembered | undefined): void {
    this.#remembered.delete(semaphore);
    if (remembered === undefined || remembered.version === 0) return;
    this.#remembered.set(semaphore, remembered);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > mostRemembered && oldest !== undefined) this.#remembered.delete(oldest);
  }

  #tidy(): void {
    for (const [name, lane] of this.#lanes) {
      lane.tidy();
      if (!lane.idle) continue;
      lane.end(closed());
      this.#remember(name, lane.remembered);
      this.#lanes.delete(name);
      this.#connection.unlink(name);
      this.#names.forget(name);
    }
  }
}

function closed(): StoreUnavailableError {
  return new StoreUnavailableError("the store is closed");
}
