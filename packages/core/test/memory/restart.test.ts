import { type NodeProcess, spawnNode } from "@sluice/testkit";
import { describe, expect, it } from "vitest";
import type { Claim, Grant } from "../../src/store.js";
import { request } from "./requests.js";
import { open, temporaryDirectory } from "./state-directories.js";

const child = new URL("./state-holder.mjs", import.meta.url);

/** What a test waits for to be over. */
const shortMs = 1_500;
/** What is not to be over before the test is. */
const longMs = 15_000;

interface Life {
  readonly process: NodeProcess;
  readonly grants: readonly Grant[];
}

/** A process that holds the three permits of "api" in two leases. */
async function startHolder(directory: string, leaseMs: number): Promise<Life> {
  const process = spawnNode(child, [directory, String(leaseMs)]);
  const { grants } = await process.next<{ grants: Grant[] }>();
  return { process, grants };
}

function claimOf({ lease, permits, fence, leaseMs }: Grant): Claim {
  return {
    lease,
    attempt: "2",
    restore: { permits, fence, leaseMs, holder: "holder", create: undefined },
  };
}

describe("after its process was killed, a state directory", () => {
  it("lets the next store in, with limits, higher fences, and a pause for the leases that were held", async () => {
    const directory = temporaryDirectory();
    const { process, grants } = await startHolder(directory, shortMs);
    await expect(open(directory)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    const killedAt = performance.now();
    await process.kill();
    const store = await open(directory);
    expect(await store.inspect("api")).toMatchObject({
      limit: 3,
      leaseMs: shortMs,
      version: 2,
      recovering: true,
    });
    const granted = await store.acquire(request("next"));
    expect(performance.now()).toBeGreaterThanOrEqual(killedAt + shortMs);
    expect(granted).toMatchObject({ outcome: "granted" });
    const highest = Math.max(...grants.map(({ fence }) => fence));
    expect((granted as Grant).fence).toBeGreaterThan(highest);
  });

  it("keeps the leases that are claimed, and makes others wait for them", async () => {
    const directory = temporaryDirectory();
    const { process, grants } = await startHolder(directory, shortMs);
    await process.kill();
    const store = await open(directory);
    const next = store.acquire(request("next"));
    expect(await store.claim("api", grants.map(claimOf))).toMatchObject([
      { lease: "one", renewed: true },
      { lease: "two", renewed: true },
    ]);
    expect(await store.inspect("api")).toMatchObject({ inUse: 3, waiting: 1 });
    // Their holders go on renewing until the recovery is over.
    let seen = await store.inspect("api");
    while (seen?.recovering) {
      await store.renew("api", [{ lease: "one" }, { lease: "two" }]);
      seen = await store.inspect("api");
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen).toMatchObject({ inUse: 3, waiting: 1, grantsTotal: 0 });
    expect(await store.release({ semaphore: "api", lease: "one", attempt: "2" })).toBe(true);
    const granted = await next;
    expect(granted).toMatchObject({ outcome: "granted" });
    for (const { fence } of grants) expect((granted as Grant).fence).toBeGreaterThan(fence);
  });

  it("pauses again for as long when it is killed during its recovery", async () => {
    const directory = temporaryDirectory();
    const first = await startHolder(directory, longMs);
    await first.process.kill();
    // The second life makes no lease: nothing is granted in its recovery.
    const second = spawnNode(child, [directory, String(longMs)]);
    expect((await second.next<{ grants: unknown[] }>()).grants).toMatchObject([
      { outcome: "recovering" },
      { outcome: "recovering" },
    ]);
    await second.kill();
    const store = await open(directory);
    expect(await store.acquire(request("next", { waitMs: 0 }))).toMatchObject({ outcome: "recovering" });
  });

  it("lets the next store in also after a process that ended without a word", async () => {
    const directory = temporaryDirectory();
    await spawnNode(child, [directory, String(longMs), "leave"]).finished();
    expect(await (await open(directory)).inspect("api")).toMatchObject({ limit: 3, recovering: true });
  });
});
