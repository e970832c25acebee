import { until } from "@sluice/testkit";
import { afterEach, expect, it, vi } from "vitest";
import { Connection, type ConnectionState } from "../src/events/connection.js";
import { Cell } from "../src/live/cell.js";
import { Refusal, Unreachable } from "../src/sidecar/refusal.js";

type Opening = () => Promise<ReadableStream<Uint8Array>>;

/** A connection that is opened by these, one after the other, and then never answered. */
class World {
  readonly state = new Cell<ConnectionState>({ is: "connecting" });
  readonly states: string[] = [];
  readonly forbidden: string[] = [];
  readonly signals: AbortSignal[] = [];
  readonly connection: Connection;
  accepted = 0;
  opened = 0;

  constructor(...openings: Opening[]) {
    this.state.listen(() => this.states.push(this.state.value.is));
    this.connection = new Connection({
      state: this.state,
      ears: { heard() {}, told() {} },
      open: (signal) => {
        this.opened += 1;
        this.signals.push(signal);
        return openings.shift()?.() ?? new Promise(() => {});
      },
      accepted: () => {
        this.accepted += 1;
      },
      forbidden: (problem) => this.forbidden.push(problem),
    });
    this.connection.start();
  }

  async becomes(is: ConnectionState["is"]): Promise<void> {
    await until(() => this.state.value.is === is, { what: `the connection to be ${is}` });
  }
}

let world: World | undefined;

afterEach(() => {
  world?.connection.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const open: Opening = async () => new ReadableStream();
const ends: Opening = async () => new ReadableStream({ start: (controller) => controller.close() });
const away: Opening = () => Promise.reject(new Unreachable(new Error("refused")));
const refused =
  (status: number, code: "UNAUTHENTICATED" | "FORBIDDEN" | "STORE_UNAVAILABLE"): Opening =>
  () =>
    Promise.reject(new Refusal(status, { code, detail: `it is ${status}` }));

it("a connection that opens is live, and whoever calls is let in", async () => {
  world = new World(open);
  await world.becomes("live");
  expect(world.accepted).toBe(1);
});

it("one that ends is opened again, and is unreachable when that fails, until it opens", async () => {
  world = new World(ends, away, open);
  await until(() => world?.opened === 3, { what: "the third attempt" });
  await world.becomes("live");
  expect(world.states).toEqual(["live", "connecting", "unreachable", "live"]);
});

it("the time since when it is unreachable stays while attempts fail", async () => {
  world = new World(away, away);
  await world.becomes("unreachable");
  const first = world.state.value;
  world.connection.hurry();
  await until(() => world?.opened === 2 && world.state.value !== first, { what: "the second failure" });
  expect(world.state.value).toMatchObject({ since: (first as { since: number }).since });
});

it("a sidecar that is about to end is told from one that does not answer", async () => {
  world = new World(refused(503, "STORE_UNAVAILABLE"));
  await world.becomes("draining");
});

it("without a token that is known nothing is tried again", async () => {
  world = new World(refused(401, "UNAUTHENTICATED"));
  await world.becomes("refused");
  world.connection.hurry();
  expect(world.opened).toBe(1);
  expect(world.forbidden).toEqual([]);
});

it("a token that may not read is told so", async () => {
  world = new World(refused(403, "FORBIDDEN"));
  await world.becomes("refused");
  expect(world.forbidden).toEqual(["it is 403"]);
});

it("starting anew ends what was under way", async () => {
  world = new World(open, open);
  await world.becomes("live");
  expect(world.signals[0]?.aborted).toBe(false);
  world.connection.start();
  await until(() => world?.opened === 2, { what: "the second attempt" });
  await world.becomes("live");
  expect(world.states).toEqual(["live", "connecting", "live"]);
  expect(world.signals.map(({ aborted }) => aborted)).toEqual([true, false]);
});

it("connections that are cut as soon as they are open are opened with growing pauses", async () => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  world = new World(...new Array<Opening>(50).fill(ends));
  // After 0, 0.5, 1.5, 3.5 and 7.5 s.
  await vi.advanceTimersByTimeAsync(8_000);
  expect(world.opened).toBe(5);
});

it("one that has lasted before it ends is opened again soon", async () => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  const lasts: Opening = async () =>
    new ReadableStream({ start: (controller) => void setTimeout(() => controller.close(), 20_000) });
  world = new World(ends, ends, lasts);
  await vi.advanceTimersByTimeAsync(1_500 + 20_000 + 400);
  expect(world.opened).toBe(3);
  await vi.advanceTimersByTimeAsync(200);
  expect(world.opened).toBe(4);
});

it("after a sleep it connects anew, unless it waits for a token", async () => {
  world = new World(open, refused(401, "UNAUTHENTICATED"));
  await world.becomes("live");
  world.connection.wake();
  await world.becomes("refused");
  world.connection.wake();
  expect(world.opened).toBe(2);
});

it("an answer that never comes is given up, and asked for again", async () => {
  vi.useFakeTimers();
  const hangs = new World(
    () => new Promise((_, reject) => queueMicrotask(() => rejectWhenAborted(hangs.signals[0], reject))),
    open,
  );
  world = hangs;
  await vi.advanceTimersByTimeAsync(9_000);
  expect([hangs.opened, hangs.state.value.is]).toEqual([1, "connecting"]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([hangs.opened, hangs.state.value.is]).toEqual([2, "live"]);
});

function rejectWhenAborted(signal: AbortSignal | undefined, reject: (reason: unknown) => void): void {
  signal?.addEventListener("abort", () => reject(signal.reason));
}
