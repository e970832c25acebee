import { InvalidArgumentError } from "../../errors.js";
import type { Store } from "../../store.js";
import { type MasterClient, ownClient, requireMaster } from "./client.js";
import { Keys } from "./keys.js";
import { Quorum } from "./quorum.js";
import { RedlockStore } from "./store.js";

export type { MasterClient } from "./client.js";

export interface RedlockStoreOptions {
  /** Starts every key; "sluice" when left out. */
  readonly prefix?: string;
  /**
   * The longest lease that this store accepts, and for how long a master that has started gives no votes; 15,000 when
   * left out. All processes on one quorum must say the same.
   */
  readonly maxLeaseMs?: number;
  /**
   * A majority of masters without a trace of this store are known to have held no leases: they vote at once. Fewer of
   * them have lost what the others remember, and wait all the same. Default false.
   */
  readonly assumeFresh?: boolean;
}

const fewestMasters = 3;
const prefixPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const shortestLeaseMs = 100;
const longestLeaseMs = 3_600_000;

/**
 * A store on a quorum of independent Redis masters (7.0 or later; Valkey 7.2 or later). Each permit is a mutex that a
 * majority of them has to grant, so a minority may die, restart empty, or be cut off. Limits go up to 1,000.
 *
 * ```ts
 * const store = redlockStore(["redis://a:6379", "redis://b:6379", "redis://c:6379"]);
 * ```
 *
 * @param masters an odd number of them, three or more: URLs, or ioredis clients, of which the store makes copies
 * @throws InvalidArgumentError
 */
export function redlockStore(
  masters: readonly (string | MasterClient)[],
  options: RedlockStoreOptions = {},
): Store {
  if (!Array.isArray(masters) || masters.length < fewestMasters || masters.length % 2 === 0)
    throw new InvalidArgumentError(
      "masters",
      "an odd number of masters, three or more, since a majority of them decides",
      Array.isArray(masters) ? masters.length : masters,
    );
  if (new Set(masters).size < masters.length)
    throw new InvalidArgumentError("masters", "masters that differ", masters.length);
  const { prefix, maxLeaseMs, assumeFresh } = validOptions(options);
  // Before the first connection is made.
  masters.forEach(requireMaster);
  const clients = masters.map(ownClient);
  return new RedlockStore(
    new Quorum({ clients, keys: new Keys(prefix), maxLeaseMs, assumeFresh }),
    maxLeaseMs,
  );
}

function validOptions(options: RedlockStoreOptions): Required<RedlockStoreOptions> {
  if (typeof options !== "object" || options === null)
    throw new InvalidArgumentError("options", "an object", options);
  const { prefix = "sluice", maxLeaseMs = 15_000, assumeFresh = false, ...unknown } = options;
  const [name] = Object.keys(unknown);
  if (name !== undefined)
    throw new InvalidArgumentError(
      `options.${name}`,
      "left out (options: prefix, maxLeaseMs, assumeFresh)",
      name,
    );
  if (typeof prefix !== "string" || !prefixPattern.test(prefix))
    throw new InvalidArgumentError(
      "prefix",
      "1 to 64 letters, digits, or . _ : -, a letter or digit first",
      prefix,
    );
  if (!Number.isSafeInteger(maxLeaseMs) || maxLeaseMs < shortestLeaseMs || maxLeaseMs > longestLeaseMs)
    throw new InvalidArgumentError(
      "maxLeaseMs",
      `a whole number from ${shortestLeaseMs} to ${longestLeaseMs}`,
      maxLeaseMs,
    );
  if (typeof assumeFresh !== "boolean")
    throw new InvalidArgumentError("assumeFresh", "true or false", assumeFresh);
  return { prefix, maxLeaseMs, assumeFresh };
}
