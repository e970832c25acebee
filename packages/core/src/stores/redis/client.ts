import { InvalidArgumentError } from "../../errors.js";
import type { RedisCluster } from "./cluster/source.js";

/**
 * What is used of an ioredis client. A minimal interface and not its class: the types of a client differ between its
 * major versions.
 */
export interface RedisClient {
  readonly status: string;
  readonly options: { readonly keyPrefix?: string | undefined; readonly protocol?: number | undefined };
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  evalsha(sha: string, keyCount: number, ...args: string[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  ssubscribe(channel: string): Promise<unknown>;
  sunsubscribe(channel: string): Promise<unknown>;
  connect(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  duplicate(overrides: Readonly<Record<string, unknown>>): RedisClient;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: the types of an emitter's listeners, which both majors of ioredis must fit
type Listener = (...args: any[]) => void;

/** The longest pause between two attempts to connect: a store that is back is found within it. */
const longestReconnectMs = 1_000;

/**
 * The options of clients that this store makes. They neither queue nor resend by themselves: a call whose fate is
 * unknown comes back as an error at once, and its lane decides what to ask again.
 */
export const ownClientOptions = {
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  retryStrategy: (times: number) => Math.min(10 * 2 ** Math.min(times, 10), longestReconnectMs),
  connectTimeout: 5_000,
  // Two Sentinels that say nothing are passed over before a new connection must be bound.
  sentinelCommandTimeout: 1_000,
  keepAlive: 5_000,
  // A server that reads its data is asked again soon, and not after the second that the client would wait.
  maxLoadingRetryTime: 50,
} as const;

/** Options of a connection that is used once: without reconnecting it cannot end up at another server. */
export const singleUseOptions = {
  ...ownClientOptions,
  retryStrategy: null,
  sentinelRetryStrategy: null,
  lazyConnect: true,
} as const;

export function isCluster(client: RedisClient | RedisCluster): client is RedisCluster {
  return "isCluster" in client && client.isCluster === true;
}

/** @throws InvalidArgumentError where the value is no ioredis client that this store can use */
export function validateClient(client: unknown): asserts client is RedisClient | RedisCluster {
  const candidate = client as Partial<RedisClient> | null;
  if (typeof candidate !== "object" || candidate === null || typeof candidate.evalsha !== "function") {
    throw new InvalidArgumentError("redis", "a redis:// URL or an ioredis client", client);
  }
  if (candidate.options?.keyPrefix) {
    throw new InvalidArgumentError(
      "redis",
      "a client without keyPrefix, which would not reach the channels; use the store's prefix option",
      candidate.options.keyPrefix,
    );
  }
}
