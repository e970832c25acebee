import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { sidecarStore } from "@sluice/client";
import { Semaphore, type Store } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { shared, startTestSidecar } from "./sidecars.js";
import { TcpProxy } from "./tcp-proxy.js";

type Closable = Pick<Store, "close">;

const opened: Closable[] = [];

/** Closed after the test, last opened first. */
function opens<Opened extends Closable>(closable: Opened): Opened {
  opened.push(closable);
  return closable;
}

afterEach(async () => {
  for (const closable of opened.splice(0).reverse()) await closable.close();
});

describe("a semaphore over a sidecar", () => {
  it("holds one limit over several clients", async () => {
    const { url } = opens(await startTestSidecar());
    const clients = [1, 2, 3].map(() => new Semaphore(opens(sidecarStore(url)), "api", { limit: 4 }));
    let running = 0;
    let highest = 0;
    const work = async () => {
      running += 1;
      highest = Math.max(highest, running);
      await sleep(5);
      running -= 1;
    };
    await Promise.all(clients.flatMap((client) => Array.from({ length: 40 }, () => client.use(work))));
    expect(highest).toBeLessThanOrEqual(4);
    expect(highest).toBeGreaterThan(1);
    expect(await clients[0]?.inspect()).toMatchObject({
      inUse: 0,
      waiting: 0,
      grantsTotal: 120,
      lapsesTotal: 0,
    });
  });

  it("keeps a lease for longer than it lasts by itself", async () => {
    const { url } = opens(await startTestSidecar());
    const semaphore = new Semaphore(opens(sidecarStore(url)), "api", { limit: 1, leaseMs: 1_200 });
    const lease = await semaphore.acquire();
    const heldMs = async () => (await semaphore.inspect())?.leases[0]?.heldMs ?? 0;
    await until(async () => (await heldMs()) > 2 * 1_200, { what: "two leases" });
    expect(lease.remainingMs).toBeGreaterThan(0);
    expect(lease.signal.aborted).toBe(false);
    expect(await semaphore.inspect()).toMatchObject({ inUse: 1, lapsesTotal: 0 });
    expect(await lease.release()).toBe(true);
  });

  it("learns of a revocation when it next renews", async () => {
    const sidecar = opens(await startTestSidecar());
    const semaphore = new Semaphore(opens(sidecarStore(sidecar.url)), "api", { limit: 1, leaseMs: 3_000 });
    const lease = await semaphore.acquire();
    const { signal } = lease;
    expect(await sidecar.store.revoke("api", lease.id)).toBe(true);
    await until(() => signal.aborted, { what: "the holder to be told" });
    expect(signal.reason).toMatchObject({ code: "LEASE_LOST", reason: "revoked" });
  });

  it("stops believing in a lease when the sidecar is gone, no later than the store does", async () => {
    const store = memoryStore();
    const sidecar = await startTestSidecar({ store: shared(store) });
    const semaphore = new Semaphore(opens(sidecarStore(sidecar.url)), "api", { limit: 1, leaseMs: 1_000 });
    const lease = await semaphore.acquire();
    const { signal } = lease;
    await sidecar.close();
    // Which of two timers of one process comes first is chance: what both say of the end is compared at one moment.
    const looks: { believedMs: number; expiresInMs: number; isTold: boolean }[] = [];
    const hasLapsed = async () => {
      const looking = store.inspect("api");
      const believedMs = lease.remainingMs;
      const expiresInMs = (await looking)?.leases[0]?.expiresInMs ?? 0;
      // The timer that ends the belief may be due, too, and then lets the loop read first.
      for (let turn = 0; turn < 4; turn += 1) await nextTurn();
      looks.push({ believedMs, expiresInMs, isTold: signal.aborted });
      return expiresInMs === 0;
    };
    await until(hasLapsed, { what: "the lease to lapse" });
    expect(looks[0]?.believedMs).toBeGreaterThan(0);
    for (const { believedMs, expiresInMs, isTold } of looks) {
      expect(believedMs).toBeLessThanOrEqual(expiresInMs);
      expect(isTold || believedMs > 0).toBe(true);
    }
  });

  it("keeps its place in the queue while its sidecar is replaced by another", async () => {
    const store = shared(memoryStore());
    const before = opens(await startTestSidecar({ store, lingerMs: 2_000 }));
    const after = opens(await startTestSidecar({ store }));
    const balancer = opens(new TcpProxy(before.url));
    const local = new Semaphore(store, "api", { limit: 1 });
    const lease = await local.acquire();
    const remote = new Semaphore(opens(sidecarStore(await balancer.listen())), "api");
    const first = remote.acquire();
    await until(() => before.acquiresUnderWay === 1, { what: "the first to wait" });
    const second = local.acquire();
    balancer.target = after.url;
    const drained = before.drain();
    await until(() => after.acquiresUnderWay === 1, { what: "the first to come back" });
    await lease.release();
    const granted = await first;
    await granted.release();
    const last = await second;
    expect(last.fence).toBeGreaterThan(granted.fence);
    await last.release();
    await drained;
  });
});
