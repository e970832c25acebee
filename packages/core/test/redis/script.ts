import type { RedisServer } from "@sluice/testkit";
import { Redis } from "ioredis";
import type { SemaphoreStatus } from "../../src/store.js";
import { bound } from "../../src/stores/redis/binding.js";
import { applyLua, inspectLua } from "../../src/stores/redis/scripts.generated.js";
import { readStatus, statusRequest } from "../../src/stores/redis/snapshot.js";
import {
  decodeReply,
  encodeBatch,
  factsKey,
  type Knowledge,
  knowledge,
  type Reply,
} from "../../src/stores/redis/wire.js";

const clockKey = "test:clock";
const infoKey = "test:info";
/** The life of the server that the scripts are bound to, as far as they know. */
export const ownLife = "testrun";
const parts = ["facts", "expiries", "leases", "queue", "waiters", "parked"] as const;

/** The scripts as they are, but for what they read of the server, which the test sets. */
function withTestServer(source: string, life: string): string {
  const ticking = source.replace(/(redis\.)?call\('TIME'\)/, `redis.call('LRANGE', '${clockKey}', 0, 1)`);
  const told = ticking.replace(/call\('INFO'[^)]*\)/, `call('GET', '${infoKey}')`);
  if (ticking === source) throw new Error("the script does not read TIME where the test expects it");
  if (told === ticking) throw new Error("the script does not read INFO where the test expects it");
  return bound(told, life, false);
}

/** What the server says of itself. */
export interface ServerFacts {
  /** What `INFO` calls run_id. */
  readonly runId?: string;
  readonly upMs?: number;
  /** The id under which a promoted server was replicated to. */
  readonly replicatedAs?: string;
  readonly flushed?: boolean;
}

/** Runs apply.lua on one semaphore at times that the test chooses. */
export class ScriptUnderTest {
  readonly redis: Redis;
  readonly #key: string;
  /** What the processes know of the server. */
  knowledge: Knowledge = knowledge.none;
  /** How long ago another life of the server has served them. */
  servedAgoMs: number | undefined;
  #applySha = "";
  #inspectSha = "";
  #batches = new Map<string, number>();

  constructor(server: RedisServer, semaphore: string) {
    this.redis = new Redis(server.url);
    this.#key = factsKey("test", semaphore);
  }

  /** @param life the incarnation that the scripts are bound to */
  async load(life = ownLife): Promise<void> {
    const load = async (source: string) =>
      String(await this.redis.call("SCRIPT", "LOAD", withTestServer(source, life)));
    this.#applySha = await load(applyLua);
    this.#inspectSha = await load(inspectLua);
  }

  /** What the scripts find where they ask the server about itself; up for a day, never promoted nor flushed, unless said. */
  async setServer({
    runId = ownLife,
    upMs = 86_400_000,
    replicatedAs = "0".repeat(40),
    flushed = false,
  }: ServerFacts = {}): Promise<void> {
    const lines = [
      `run_id:${runId}`,
      `uptime_in_seconds:${Math.floor(upMs / 1_000)}`,
      `master_replid2:${replicatedAs}`,
      ...(flushed ? ["cmdstat_flushall:calls=1,usec=5"] : []),
    ];
    await this.redis.set(infoKey, lines.join("\r\n"));
  }

  /** @param operations texts as encode makes them */
  async apply(
    process: string,
    operations: readonly string[],
    nowMs: number,
    fenceSeen = 0,
    maxLeaseMs = 1_000,
  ): Promise<Reply> {
    const batch = (this.#batches.get(process) ?? 0) + 1;
    this.#batches.set(process, batch);
    const reply = await this.applyBatch(process, batch, operations, nowMs, 0, fenceSeen, maxLeaseMs);
    if (reply === undefined) throw new Error("the script took the batch for an old one");
    return reply;
  }

  /** Undefined where the script has seen a later batch of the process. */
  async applyBatch(
    process: string,
    batch: number,
    operations: readonly string[],
    nowMs: number,
    after = 0,
    fenceSeen = 0,
    maxLeaseMs = 1_000,
  ): Promise<Reply | undefined> {
    await this.#setClock(nowMs);
    const header = {
      process,
      batch,
      after,
      fenceSeen,
      maxLeaseMs,
      holder: '"test"',
      knowledge: this.knowledge,
      servedAgoMs: this.servedAgoMs,
    };
    const text = await this.redis.evalsha(
      this.#applySha,
      1,
      this.#key,
      encodeBatch(header, operations.join(",")),
    );
    return decodeReply(String(text));
  }

  async status(nowMs: number): Promise<SemaphoreStatus | undefined> {
    await this.#setClock(nowMs);
    const text = await this.redis.evalsha(this.#inspectSha, 1, this.#key, statusRequest);
    return typeof text === "string" ? readStatus("api", text) : undefined;
  }

  /** The permits of all leases, counted one by one: the fact that `inUse` is kept beside. */
  async heldPermits(): Promise<number> {
    const count = `local sum = 0
      for _, record in ipairs(redis.call('HVALS', KEYS[1])) do
        if record ~= '' then sum = sum + (cmsgpack.unpack(record)) end
      end
      return sum`;
    return Number(await this.redis.eval(count, 1, this.#keyOf("leases")));
  }

  /** The keys that exist, by their last part, with their time to live; -1: for ever. */
  async timesToLive(): Promise<Record<string, number>> {
    const times: Record<string, number> = {};
    for (const part of parts) {
      const time = await this.redis.pttl(this.#keyOf(part));
      if (time !== -2) times[part] = time;
    }
    return times;
  }

  async evict(part: (typeof parts)[number]): Promise<void> {
    await this.redis.del(this.#keyOf(part));
  }

  async processes(): Promise<string[]> {
    const fields = await this.redis.hkeys(this.#key);
    return fields.filter((field) => field !== "").sort();
  }

  /** Writes the format number that a newer library would have written. */
  async pretendNewerFormat(): Promise<void> {
    const rewrite = `local facts = { cmsgpack.unpack(redis.call('HGET', KEYS[1], '')) }
      facts[1] = 99
      redis.call('HSET', KEYS[1], '', cmsgpack.pack(unpack(facts)))`;
    await this.redis.eval(rewrite, 1, this.#key);
  }

  /** Writes the facts as the library before this one did. */
  async writeAsBefore(): Promise<void> {
    const rewrite = `local facts = { cmsgpack.unpack(redis.call('HGET', KEYS[1], '')) }
      facts[1] = 1
      redis.call('HSET', KEYS[1], '', cmsgpack.pack(unpack(facts, 1, 26)))`;
    await this.redis.eval(rewrite, 1, this.#key);
  }

  /** Frees everything, as if the semaphore had never been. */
  async reset(): Promise<void> {
    await this.redis.del("test:marker");
    await this.loseState();
    await this.setServer();
  }

  /** Loses the semaphore, as if it had never been; the marker stays. */
  async loseState(): Promise<void> {
    await this.redis.del(...parts.map((part) => this.#keyOf(part)));
    this.#batches.clear();
  }

  close(): void {
    this.redis.disconnect();
  }

  #keyOf(part: string): string {
    return this.#key.replace(/facts$/, part);
  }

  async #setClock(nowMs: number): Promise<void> {
    await this.redis
      .pipeline()
      .del(clockKey)
      .rpush(clockKey, Math.floor(nowMs / 1_000), (nowMs % 1_000) * 1_000)
      .exec();
  }
}
