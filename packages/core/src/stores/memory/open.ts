import { resolve } from "node:path";
import { InvalidArgumentError } from "../../errors.js";
import type { Store } from "../../store.js";
import { FenceClock } from "./fences.js";
import { StateDirectory } from "./state-directory.js";
import { MemoryStore, type MemoryStoreOptions, refuseBadMaxLeaseMs, wallClockEpoch } from "./store.js";

export interface MemoryStateOptions extends MemoryStoreOptions {
  /**
   * A directory on a local file system, which is created where it does not exist. One store at a time can use it. Its
   * absolute path has at most 93 bytes (89 on macOS).
   */
  readonly stateDir: string;
}

/**
 * A store that lives in this process, and keeps across restarts what others rely on: the limits that were set, with
 * their versions, and that fences grow. It knows from the last life how it ended. If leases were held, somebody may
 * still believe in them: then nothing is granted for as long as the longest of them can last, and their holders keep them
 * by claiming them (`observe` tells of this recovery).
 *
 * `close()` is a clean end, after which nothing pauses, if no lease is held then.
 *
 * @throws InvalidArgumentError when an option is not as it must be
 * @throws StoreUnavailableError when the directory cannot be used, is in use, or its file is damaged
 * @throws StoreIncompatibleError when a newer library has written the file
 */
export async function openMemoryStore(options: MemoryStateOptions): Promise<Store> {
  const { maxLeaseMs = 15_000, stateDir } = options;
  refuseBadMaxLeaseMs(maxLeaseMs);
  if (typeof stateDir !== "string" || stateDir === "") {
    throw new InvalidArgumentError("stateDir", "the path of a directory", stateDir);
  }
  const state = await StateDirectory.open(resolve(stateDir));
  const { clean, fence, longestLeaseMs } = state.found;
  const recovers = !clean && longestLeaseMs > 0;
  const start = {
    fences: new FenceClock(wallClockEpoch(), fence),
    recoverUntil: recovers ? Math.ceil(performance.now() + longestLeaseMs) : 0,
  };
  return new MemoryStore({ maxLeaseMs, start, state });
}
