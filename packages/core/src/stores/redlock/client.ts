import { Redis } from "ioredis";
import { InvalidArgumentError } from "../../errors.js";

/** What is used of an ioredis client; a minimal interface, because the types differ between its major versions. */
export interface MasterClient {
  readonly status: string;
  readonly options: { readonly keyPrefix?: string | undefined };
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  evalsha(sha: string, keyCount: number, ...args: (string | number)[]): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  duplicate(overrides: Readonly<Record<string, unknown>>): MasterClient;
  // biome-ignore lint/suspicious/noExplicitAny: the types of an emitter's listeners, which both majors of ioredis must fit
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/** No call waits longer for one master. */
export const commandTimeoutMs = 500;

/** A master that is back is found within this time. */
const longestReconnectMs = 1_000;

/**
 * Nothing is queued and nothing sent twice: a vote that was meant for one life of a server must not reach the next one.
 */
const options = {
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: commandTimeoutMs,
  connectTimeout: 2_000,
  // One that hangs does not say goodbye; its connection shall neither keep the process nor a new connection waiting.
  disconnectTimeout: 50,
  keepAlive: 5_000,
  lazyConnect: false,
  retryStrategy: (times: number) => Math.min(10 * 2 ** Math.min(times, 10), longestReconnectMs),
} as const;

/** A client of this store's own, also where the caller brought one: the caller's may queue and resend. */
export function ownClient(master: string | MasterClient): MasterClient {
  return typeof master === "string" ? new Redis(master, { ...options }) : master.duplicate({ ...options });
}

/** @throws InvalidArgumentError */
export function requireMaster(master: unknown, index: number): asserts master is string | MasterClient {
  const argument = `masters[${index}]`;
  const expected = "a redis:// or rediss:// URL, or an ioredis client";
  if (typeof master === "string") {
    if (/^rediss?:\/\//.test(master)) return;
    throw new InvalidArgumentError(argument, expected, master);
  }
  const client = master as Partial<MasterClient> | null;
  if (typeof client !== "object" || client === null || typeof client.duplicate !== "function")
    throw new InvalidArgumentError(argument, expected, master);
  if ("isCluster" in client && client.isCluster === true)
    throw new InvalidArgumentError(argument, "a client of one master, not of a cluster", master);
  if (client.options?.keyPrefix)
    throw new InvalidArgumentError(
      argument,
      "a client without keyPrefix; use the store's prefix option",
      client.options.keyPrefix,
    );
}
