import type { AcquireAnswer, SnapshotAnswer } from "@sluice/client/shapes";
import type { Store } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { until } from "@sluice/testkit";
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { HeldClock, letTimePass } from "./held-clock.js";
import { type Answer, call, problemIn } from "./http.js";
import { RawCaller } from "./raw-caller.js";
import { startTestSidecar } from "./sidecars.js";

const path = "/v1/semaphores/api";
const lingerMs = 5_000;

let clock: HeldClock;
/** What the store is asked for, by both sidecars. */
let asked: MockInstance<Store["acquire"]>;
let here: Sidecar;
/** Another sidecar over the same store. */
let there: Sidecar;

beforeEach(async () => {
  clock = new HeldClock();
  const store = memoryStore();
  asked = vi.spyOn(store, "acquire");
  [here, there] = await Promise.all([
    startTestSidecar({ store, lingerMs }),
    startTestSidecar({ store, lingerMs }),
  ]);
  await call(here.url, "PUT", path, { body: { limit: 1 } });
});

afterEach(async () => {
  letTimePass();
  await Promise.all([here.close(), there.close()]);
});

const named = (key: string) => ({ "idempotency-key": key });

function acquire(key: string, body: object = {}, sidecar = here): Promise<Answer<AcquireAnswer>> {
  return call<AcquireAnswer>(sidecar.url, "POST", `${path}/acquire`, { body, headers: named(key) });
}

function wait(key: string, sidecar = here): RawCaller {
  return new RawCaller(sidecar.url, `${path}/acquire`, { waitMs: 60_000 }, named(key));
}

const look = async () => (await call<SnapshotAnswer>(here.url, "GET", path)).body;

const release = (lease: string) => call(here.url, "POST", `${path}/release`, { body: { lease } });

const becomes = (what: string, condition: (snapshot: SnapshotAnswer) => boolean) =>
  until(async () => condition(await look()), { what });

const metricsOf = async (sidecar: Sidecar) => (await call(sidecar.url, "GET", "/metrics")).text;

/** Ends the connection, and resolves when the sidecar has heard of it. */
async function hangUp(caller: RawCaller): Promise<void> {
  caller.hangUp();
  await until(async () => (await metricsOf(here)).includes('status="499"'), { what: "the hang-up" });
}

const nothingIsLeft = () =>
  becomes("nothing is held and nobody waits", ({ inUse, waiting }) => inUse + waiting === 0);

describe("acquires with the same Idempotency-Key", () => {
  it("get the same lease, here and at another sidecar, for as long as it lives", async () => {
    const first = (await acquire("k")).body;
    for (const sidecar of [here, there]) {
      const again = (await acquire("k", {}, sidecar)).body;
      expect(again).toMatchObject({ lease: first.lease, fence: first.fence });
      expect(again.expiresInMs).toBeLessThanOrEqual(first.expiresInMs);
    }
    expect(await look()).toMatchObject({ inUse: 1, grantsTotal: 1 });
    await release(first.lease);
    expect((await acquire("k")).body.fence).toBeGreaterThan(first.fence);
  });

  it("get a lease of which nobody can tell the id without the key", async () => {
    await call(here.url, "PATCH", path, { body: { limit: 5 } });
    const ids = [await acquire("k"), await acquire("l"), await acquire("K")].map(({ body }) => body.lease);
    await call(here.url, "PUT", "/v1/semaphores/other", { body: { limit: 1 } });
    const other = await call(here.url, "POST", "/v1/semaphores/other/acquire", {
      body: {},
      headers: named("k"),
    });
    expect(new Set([...ids, other.body.lease]).size).toBe(4);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it("are refused where they ask for something else, and change nothing", async () => {
    await call(here.url, "PATCH", path, { body: { limit: 2 } });
    const { lease } = (await acquire("k", { holder: "a" })).body;
    for (const [index, body] of [
      {},
      { holder: "b" },
      { holder: "a", permits: 2 },
      { holder: "a", priority: 1 },
      { holder: "a", leaseMs: 5_000 },
      { holder: "a", limit: 2 },
    ].entries()) {
      const answer = await acquire("k", body, index % 2 ? here : there);
      expect(problemIn(answer as never)).toMatchObject({ status: 422, code: "REQUEST_REUSED" });
    }
    expect(await look()).toMatchObject({ inUse: 1, leases: [{ lease, holder: "a" }] });
  });

  it("may differ in the order of fields, in defaults that are left out, and in how long they wait", async () => {
    const { lease } = (await acquire("k", { permits: 1, holder: "a" })).body;
    expect((await acquire("k", { waitMs: 5_000, holder: "a", priority: 0 })).body.lease).toBe(lease);
  });

  it("have one place in the queue, which the latest of them keeps", async () => {
    const { lease } = (await acquire("holder")).body;
    const earlier = wait("k");
    await becomes("one waits", ({ waiting }) => waiting === 1);
    const behind = acquire("behind", { waitMs: 60_000 });
    await becomes("two wait", ({ waiting }) => waiting === 2);
    const later = acquire("k", { waitMs: 60_000 }, there);
    await becomes("the later one is in", () => there.acquiresUnderWay === 1);
    await hangUp(earlier);
    await clock.pass(lingerMs);
    expect(here.acquiresUnderWay).toBe(1);
    expect(await look()).toMatchObject({ waiting: 2 });
    await release(lease);
    const granted = (await later).body;
    expect(await look()).toMatchObject({ inUse: 1, waiting: 1, leases: [{ lease: granted.lease }] });
    await release(granted.lease);
    expect((await behind).body.fence).toBeGreaterThan(granted.fence);
  });

  it("all get the grant, or hear of the later one, where several wait at once", async () => {
    const { lease } = (await acquire("holder")).body;
    const asked = [acquire("k", { waitMs: 60_000 }), acquire("k", { waitMs: 60_000 })];
    await becomes("both are in", () => here.acquiresUnderWay === 2);
    expect(await look()).toMatchObject({ waiting: 1 });
    await release(lease);
    const answers = await Promise.all(asked);
    const granted = answers.filter(({ status }) => status === 200);
    expect(granted.length).toBeGreaterThanOrEqual(1);
    expect(new Set(granted.map(({ body }) => body.fence)).size).toBe(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expect(problemIn(answer as never).code).toBe("REQUEST_SUPERSEDED");
    }
    expect(await look()).toMatchObject({ inUse: 1, waiting: 0 });
  });

  it("do not undo what one of them was told of, when another hangs up", async () => {
    const { lease } = (await acquire("holder")).body;
    const first = acquire("k", { waitMs: 60_000 });
    await becomes("one is in", () => here.acquiresUnderWay === 1);
    const hedge = wait("k");
    await becomes("both are in", () => here.acquiresUnderWay === 2);
    hedge.hangUp();
    await release(lease);
    const granted = await first;
    expect(granted.status).toBe(200);
    await until(async () => (await metricsOf(here)).includes('status="499"'), { what: "the hang-up" });
    await clock.pass(lingerMs);
    expect(here.acquiresUnderWay).toBe(0);
    expect(await look()).toMatchObject({ inUse: 1, leases: [{ lease: granted.body.lease }] });
  });

  it("leave the queue when the last of them does not wait", async () => {
    await acquire("holder");
    wait("k");
    await becomes("one waits", ({ waiting }) => waiting === 1);
    expect(problemIn((await acquire("k", {}, there)) as never).code).toBe("ACQUIRE_TIMEOUT");
    expect(await look()).toMatchObject({ inUse: 1, waiting: 0 });
  });
});

describe("an acquire with an Idempotency-Key", () => {
  /** The answer to one that is told that its wait is over, which takes no time. */
  async function giveUp(key: string): Promise<Answer<AcquireAnswer>> {
    const answer = acquire(key, { waitMs: 50 });
    await becomes("one waits", ({ waiting }) => waiting === 1);
    await clock.pass(50);
    return answer;
  }

  it("keeps its place for a while after a hang-up, and then leaves", async () => {
    await acquire("holder");
    const caller = wait("k");
    await becomes("one waits", ({ waiting }) => waiting === 1);
    await hangUp(caller);
    await clock.pass(lingerMs - 1);
    expect(await look()).toMatchObject({ waiting: 1 });
    await clock.pass(1);
    await becomes("nobody waits", ({ waiting }) => waiting === 0);
  });

  it("keeps its place for a while after its wait is over, and is told at once that it is", async () => {
    await acquire("holder");
    expect(problemIn((await giveUp("k")) as never)).toMatchObject({ code: "ACQUIRE_TIMEOUT", limit: 1 });
    await clock.pass(lingerMs - 1);
    expect(await look()).toMatchObject({ waiting: 1 });
    await clock.pass(1);
    await becomes("nobody waits", ({ waiting }) => waiting === 0);
  });

  it("keeps a grant for a while that came after a hang-up, and then gives it back", async () => {
    const { lease } = (await acquire("holder")).body;
    const caller = wait("k");
    await becomes("one waits", ({ waiting }) => waiting === 1);
    await hangUp(caller);
    await release(lease);
    await clock.pass(lingerMs - 1);
    expect(await look()).toMatchObject({ inUse: 1, waiting: 0 });
    await clock.pass(1);
    await nothingIsLeft();
  });

  it("keeps a grant for a while that came after its wait was over, and then gives it back", async () => {
    const { lease } = (await acquire("holder")).body;
    await giveUp("k");
    await release(lease);
    await clock.pass(lingerMs - 1);
    expect(await look()).toMatchObject({ inUse: 1, waiting: 0 });
    await clock.pass(1);
    await nothingIsLeft();
    expect(await look()).toMatchObject({ lapsesTotal: 0 });
  });

  it.each(["here", "elsewhere"])(
    "finds the grant of an earlier try again %s, and is not undone by that one's end",
    async (where) => {
      const { lease } = (await acquire("holder")).body;
      const caller = wait("k");
      await becomes("one waits", ({ waiting }) => waiting === 1);
      await hangUp(caller);
      await release(lease);
      expect(await look()).toMatchObject({ inUse: 1, waiting: 0 });
      const answer = await acquire("k", {}, where === "here" ? here : there);
      expect(answer.status).toBe(200);
      await clock.pass(lingerMs);
      await until(() => here.acquiresUnderWay === 0, { what: "the earlier try to end" });
      expect(await look()).toMatchObject({ inUse: 1, leases: [{ lease: answer.body.lease }] });
    },
  );

  it.each(["here", "elsewhere"])(
    "finds its place again %s, and is not taken out by an earlier try's end",
    async (where) => {
      const { lease } = (await acquire("holder")).body;
      const caller = wait("k");
      await becomes("one waits", ({ waiting }) => waiting === 1);
      const behind = acquire("behind", { waitMs: 60_000 });
      await becomes("two wait", ({ waiting }) => waiting === 2);
      await hangUp(caller);
      const again = acquire("k", { waitMs: 60_000 }, where === "here" ? here : there);
      const left = where === "here" ? 2 : 1;
      await until(() => asked.mock.calls.length === 4, { what: "the later try" });
      await clock.pass(lingerMs);
      await until(() => here.acquiresUnderWay === left, { what: "the earlier try to end" });
      expect(await look()).toMatchObject({ waiting: 2 });
      await release(lease);
      const granted = (await again).body;
      await release(granted.lease);
      expect((await behind).body.fence).toBeGreaterThan(granted.fence);
    },
  );

  it("is not carried out when its caller has gone by then, and may have asked again elsewhere", async () => {
    const { lease } = (await acquire("k", {}, there)).body;
    const late = wait("k");
    await late.connected();
    // Request and hang-up now lie one behind the other before the sidecar, which has read neither.
    late.hangUp();
    await late.closed();
    await until(async () => (await metricsOf(here)).includes('status="499"'), { what: "the hang-up" });
    await clock.pass(lingerMs + 100);
    expect(await look()).toMatchObject({ inUse: 1, leases: [{ lease }] });
  });
});
