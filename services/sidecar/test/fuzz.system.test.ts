import { until } from "@sluice/testkit";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Call, problemsOf } from "../src/contract/call.js";
import { calls } from "../src/contract/calls.js";
import { brokenRequests, frames, noMessages } from "./fuzz/bytes.js";
import { type Message, messages } from "./fuzz/messages.js";
import { type Shot, shots } from "./fuzz/requests.js";
import { type Outcome, Target } from "./fuzz/target.js";
import { endings, send, statusesIn, upgrade } from "./fuzz/wire.js";
import { RawSession } from "./session-client.js";

/** What a fault is replayed by. The input is not made smaller: what was sent before has left its traces. */
const seed = Number(process.env.SLUICE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`seed ${seed}`);

/** How many times, and how many at a time; all kinds together are over 20,000. */
const rounds = { requests: 120, messages: 100, bytes: 100 };
const together = { requests: 50, messages: 40, bytes: 20 };

/** What everything was answered with, and how often. */
const tally = new Map<string, number>();
let sent = 0;

function count(answer: string | number): void {
  sent += 1;
  tally.set(String(answer), (tally.get(String(answer)) ?? 0) + 1);
}

function check<Input>(input: fc.Arbitrary<Input>, numRuns: number, run: (input: Input) => Promise<void>) {
  return fc.assert(fc.asyncProperty(input, run), { seed, numRuns, endOnFailure: true });
}

const several = <Value>(values: fc.Arbitrary<Value>, count: number) =>
  fc.array(values, { minLength: count, maxLength: count });

/** Nothing but a store that is away excuses an answer of 500 and above, and here it is in the same process. */
function expectNoFault(shot: Shot, { status, code }: Outcome): void {
  expect(status, `${code} to ${JSON.stringify(shot)}`).toBeLessThan(500);
  expect(status, JSON.stringify(shot)).toBeGreaterThan(0);
  if (code === undefined || code === "NOT_FOUND") return;
  const call: Call = calls[shot.name];
  expect(problemsOf(call), `${JSON.stringify(shot)} is documented to be answered with ${code}`).toContain(
    code,
  );
}

afterAll(() => {
  const lines = [...tally].sort().map(([answer, times]) => `${answer}: ${times}`);
  console.log(`${sent} requests and messages; ${lines.join(", ")}`);
});

describe("a sidecar with small limits", () => {
  let target: Target;

  beforeAll(async () => {
    target = await Target.start({
      SLUICE_MAX_LEASE_MS: "1000",
      SLUICE_MAX_WAITERS_PER_CLIENT: "4",
      SLUICE_MAX_SESSIONS_PER_CLIENT: "6",
      SLUICE_MAX_SEMAPHORES: "8",
    });
  });
  afterEach(() => target.expectGoodHealth());
  afterAll(() => target.stop());

  it("answers any request, right or wrong, with what is documented", async () => {
    await check(several(shots(["lease"]), together.requests), rounds.requests, async (fired) => {
      const outcomes = await Promise.all(fired.map((shot) => target.fire(shot)));
      for (const [index, outcome] of outcomes.entries()) {
        expectNoFault(fired[index] as Shot, outcome);
        count(outcome.code ?? outcome.status);
      }
    });
    for (const reached of ["200", "201", "204", "INVALID_ARGUMENT", "SEMAPHORE_UNKNOWN", "TOO_MANY_REQUESTS"])
      expect(tally.get(reached), reached).toBeGreaterThan(0);
  }, 180_000);

  it("answers each message of a session once", async () => {
    await check(several(messages(["lease"]), together.messages), rounds.messages, async (told) => {
      const answers = await answersTo(target, told);
      for (const { problem } of answers) {
        count(problem?.code ?? "ok");
        // An acquire that the same session cancels.
        if (problem?.code !== "ACQUIRE_ABORTED") expect(problem?.status ?? 0).toBeLessThan(500);
      }
    });
  }, 180_000);

  it("survives any bytes on its port", async () => {
    const broken = brokenRequests(new URL(target.url).host);
    const made = fc.tuple(broken, fc.constantFrom(...endings));
    await check(several(made, together.bytes), rounds.bytes, async (all) => {
      const texts = await Promise.all(all.map(([bytes, ending]) => send(target.url, bytes, ending)));
      for (const text of texts) expectNoFaultIn(text);
    });
  }, 180_000);

  it("survives any frames in a session", async () => {
    const message = messages(["lease"]).map(({ text }) => Buffer.from(text));
    const made = fc.tuple(frames(fc.oneof(noMessages, message)), fc.constantFrom(...endings));
    await check(several(made, 5), rounds.bytes * 4, async (all) => {
      const hello = upgrade(target.url);
      const texts = await Promise.all(all.map(([bytes, ending]) => send(target.url, bytes, ending, hello)));
      for (const text of texts) expectNoFaultIn(text);
    });
  }, 180_000);
});

describe("a sidecar that holds something", () => {
  let target: Target;
  let holder: RawSession;
  let leases: string[];
  let before: unknown;

  beforeAll(async () => {
    target = await Target.start({ SLUICE_MAX_LEASE_MS: "3600000" });
    await target.ask("PUT", "/v1/semaphores/api", { limit: 2, maxWaiters: 5 });
    await target.ask("PUT", "/v1/semaphores/idle", { limit: 5, leaseMs: 3_600_000 });
    holder = await RawSession.open(target.url);
    const kept = await holder.acquire("api", { permits: 2, limit: undefined });
    const plain = await target.ask("POST", "/v1/semaphores/idle/acquire", { permits: 3, holder: "someone" });
    holder.send({ op: "acquire", semaphore: "api", waitMs: 300_000, priority: 5 });
    await holder.ask({ op: "ping" });
    leases = [kept.lease, String(plain.body.lease)];
    before = await target.state();
  });
  afterEach(async () => {
    expect(await target.state()).toEqual(before);
    expect(await target.counts()).toEqual({ sessionsOpen: 1, acquiresUnderWay: 1, leasesHeld: 2 });
  });
  afterAll(async () => {
    for (const [index, semaphore] of ["api", "idle"].entries())
      await target.ask("POST", `/v1/semaphores/${semaphore}/release`, { lease: leases[index] });
    await holder.goodbye();
    await target.expectGoodHealth();
    await target.stop();
  });

  it("does not change it because of requests that are wrong", async () => {
    const wrong = shots(leases).filter(({ isValid }) => !isValid);
    await check(several(wrong, together.requests), rounds.requests, async (fired) => {
      const outcomes = await Promise.all(fired.map((shot) => target.fire(shot)));
      for (const [index, outcome] of outcomes.entries()) {
        expectNoFault(fired[index] as Shot, outcome);
        expect(outcome.status, JSON.stringify(fired[index])).toBeGreaterThanOrEqual(400);
        count(outcome.code ?? outcome.status);
      }
      expect(await target.state()).toEqual(before);
    });
  }, 180_000);

  it("does not change it because of messages that are wrong", async () => {
    const wrong = messages(leases).filter(({ isValid }) => !isValid);
    await check(several(wrong, together.messages), rounds.messages, async (told) => {
      for (const { ok, problem } of await answersTo(target, told)) {
        expect(ok).toBe(false);
        expect(problem?.status).toBeLessThan(500);
        count(problem?.code ?? "none");
      }
      expect(await target.state()).toEqual(before);
    });
  }, 180_000);

  it("does not change it because of frames that hold no message", async () => {
    const made = fc.tuple(frames(noMessages), fc.constantFrom(...endings));
    await check(several(made, 5), rounds.bytes * 4, async (all) => {
      const hello = upgrade(target.url);
      const texts = await Promise.all(all.map(([bytes, ending]) => send(target.url, bytes, ending, hello)));
      for (const text of texts) expectNoFaultIn(text);
      expect(await target.state()).toEqual(before);
    });
  }, 180_000);
});

/** One that no message happens to have. */
const PING_ID = "is that all?";

interface SessionAnswer {
  readonly ok: boolean;
  readonly problem?: { readonly code: string; readonly status: number };
}

/** All messages go out at once; each has one answer, and the session goes on. */
async function answersTo(target: Target, told: readonly Message[]): Promise<SessionAnswer[]> {
  const session = await RawSession.open(target.url);
  const { answers } = session;
  try {
    for (const { text } of told) session.socket.send(text);
    await until(() => answers.length >= told.length, { what: `${told.length} answers`, timeoutMs: 60_000 });
    session.socket.send(JSON.stringify({ id: PING_ID, op: "ping" }));
    await session.answerTo(PING_ID);
    expect(answers.length, "answers, with that to the ping").toBe(told.length + 1);
    await session.goodbye();
  } finally {
    session.vanish();
  }
  return answers.slice(0, -1) as unknown as SessionAnswer[];
}

function expectNoFaultIn(text: string): void {
  const statuses = statusesIn(text);
  count(statuses.length === 0 ? "nothing" : statuses.join("+"));
  // 501 is Node's own answer to a transfer encoding that it does not know.
  for (const status of statuses) expect(status, text).toBeLessThan(500);
}
