import { type Lease, Semaphore, SluiceError, type Store } from "@sluice/core";
import { monotonicMs, onHostClock } from "../history/clock.js";
import type { Contender, Holding, Opening } from "./contender.js";
import { KeptStore } from "./kept-store.js";
import type { StoreMaker } from "./settings.js";

/** Sluice as the recorded worker uses it. */
export async function open({
  semaphore: name,
  limit,
  leaseMs,
  settings,
  kept,
}: Opening<StoreMaker>): Promise<Contender> {
  const store = new KeptStore(await make(settings), (lease, until) => kept(lease, onHostClock(until)));
  const semaphore = new Semaphore(store, name, { limit, leaseMs });
  return {
    acquire: async (want) => holdingOf(await semaphore.acquire(want)),
    outcomeOf,
    waiters: async () => {
      const page = await semaphore.inspect({ pageSize: 1_000 });
      return page.waiters.map(({ holder }) => holder);
    },
    close: () => store.close(),
  };
}

async function make({ module, create, args }: StoreMaker): Promise<Store> {
  const exported: Record<string, (...args: readonly unknown[]) => Store> = await import(module);
  const maker = exported[create];
  if (maker === undefined) throw new Error(`${module} exports no ${create}`);
  return maker(...args);
}

function holdingOf(lease: Lease): Holding {
  return {
    lease: lease.id,
    fence: lease.fence,
    get until() {
      // The clock is read first: what passes in between makes the end too early, never too late.
      return monotonicMs() + lease.remainingMs;
    },
    signal: lease.signal,
    release: () => lease.release(),
  };
}

/** Only where the store was away may what was asked for still happen. */
function outcomeOf(error: unknown): ReturnType<Contender["outcomeOf"]> {
  if (!(error instanceof SluiceError)) throw error;
  return { outcome: error.code === "STORE_UNAVAILABLE" ? "unknown" : "failed", code: error.code };
}
