import { startRedis } from "@sluice/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Ledger } from "../../src/stores/memory/ledger.js";
import type { Answer, ClaimOperation, Notice, Operation } from "../../src/stores/operation.js";
import { encode, encodeAcquire, type Reply, refusals, type WireAnswer } from "../../src/stores/redis/wire.js";
import { ScriptUnderTest } from "./script.js";

const numRuns = Number(process.env.SLUICE_TEST_TWIN_RUNS ?? 300);
const firstMoment = 1_700_000_000_000;
const longestLeaseMs = 1_000;

/** A step in the life of a semaphore: time passes, then one call is made. */
interface Step {
  readonly afterMs: number;
  readonly operations: readonly Operation[];
}

const firstName = fc.integer({ min: 0, max: 11 }).map((n) => `lease-${n}`);
const attempt = fc.constantFrom("", "1", "2");
const definition = fc.record({
  limit: fc.integer({ min: 0, max: 5 }),
  leaseMs: fc.constantFrom(100, 400),
  maxWaiters: fc.constantFrom(0, 3, 100),
});
const leaseMs = fc.constantFrom(undefined, undefined, 50, 300);

const acquire = fc.record({
  op: fc.constant("acquire" as const),
  lease: firstName,
  attempt,
  fingerprint: fc.constantFrom("", "", "", "f"),
  permits: fc.constantFrom(1, 1, 1, 2, 3, 6),
  priority: fc.constantFrom(0, 0, 0, -1, 1),
  leaseMs,
  holder: fc.constant("test"),
  queue: fc.constantFrom(true, true, true, false),
  create: fc.option(definition, { nil: undefined, freq: 3 }),
});

/** An acquire with hardly a wish, of a lease that was never named before: the script has a shorter way for these. */
const plain = fc.record({
  op: fc.constant("acquire" as const),
  lease: fc.constant("plain"),
  attempt: fc.constant(""),
  fingerprint: fc.constant(""),
  permits: fc.constant(1),
  priority: fc.constant(0),
  leaseMs,
  holder: fc.constant("test"),
  queue: fc.constant(true),
  create: fc.constant(undefined),
});

/** Fences of the time before the test, of its own time, and one that was never given out. */
const fence = fc.oneof(
  fc.integer({ min: -5_000, max: 5_000 }).map((ms) => (firstMoment + ms) * 1_000 + 7),
  fc.constantFrom(0, (firstMoment + 100_000_000) * 1_000),
);

const restore = fc.record({
  permits: fc.constantFrom(1, 1, 2),
  fence,
  leaseMs: fc.constantFrom(100, 400),
  holder: fc.constant("test"),
  create: fc.option(definition, { nil: undefined }),
});

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 10, arbitrary: acquire },
  { weight: 6, arbitrary: plain },
  {
    weight: 4,
    arbitrary: fc.constant({ op: "release" as const, lease: "plain", attempt: undefined }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("release" as const),
      lease: firstName,
      attempt: fc.constant(undefined),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("release" as const), lease: firstName, attempt }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("cancel" as const), lease: firstName, attempt }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("renew" as const), lease: firstName, leaseMs }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("claim" as const),
      lease: firstName,
      attempt,
      restore: fc.option(restore, { nil: undefined }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant("resize" as const), limit: fc.integer({ min: 0, max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("revoke" as const), lease: firstName }) },
  { weight: 1, arbitrary: fc.constant({ op: "remove" as const }) },
);

const step: fc.Arbitrary<Step> = fc.record({
  afterMs: fc.constantFrom(0, 0, 1, 20, 120, 350),
  operations: fc.oneof(
    { weight: 8, arbitrary: fc.array(operation, { maxLength: 5 }) },
    // A definition comes first in its batch.
    { weight: 1, arbitrary: definition.map((one): Operation[] => [{ op: "define", definition: one }]) },
  ),
});

const create = { op: "define", definition: { limit: 3, leaseMs: 400, maxWaiters: 100 } } as const;

/** Gives the plain acquires names of their own, and lets releases of "plain" find them, oldest first. */
class PlainNames {
  #asked = 0;
  #released = 0;

  name(asked: Operation): Operation {
    if (!("lease" in asked) || asked.lease !== "plain") return asked;
    const number = asked.op === "acquire" ? this.#asked++ : this.#released++;
    return { ...asked, lease: `plain-${number}` };
  }
}

function isPlainName(asked: Operation): boolean {
  return asked.op === "acquire" && asked.lease.startsWith("plain-");
}

/** The texts of one operation; a create in passing is an operation of its own. */
function texts(asked: Operation): string[] {
  switch (asked.op) {
    case "acquire": {
      if (isPlainName(asked)) return [`["A",${asked.leaseMs ?? 0},"${asked.lease}"]`];
      const waitMs = asked.queue ? 1 : 0;
      const text = encodeAcquire("known", { ...asked, semaphore: "api", waitMs, create: undefined }, "");
      return asked.create === undefined ? [text] : [encode.ensure(asked.create), text];
    }
    case "cancel":
      return [encode.cancel(asked.lease, asked.attempt)];
    case "release":
      return [
        asked.attempt === undefined
          ? `["r","${asked.lease}"]`
          : encode.releaseOwned(asked.lease, asked.attempt),
      ];
    case "renew":
      return [
        asked.leaseMs === undefined ? `["n","${asked.lease}"]` : encode.renewFor(asked.lease, asked.leaseMs),
      ];
    case "claim":
      return claimTexts(asked);
    case "define":
      return [encode.define(asked.definition)];
    case "resize":
      return [encode.resize(asked.limit)];
    case "revoke":
      return [encode.revoke(asked.lease)];
    case "remove":
      return [encode.remove()];
  }
}

/** What a claim creates where it is missing is an operation of its own, too. */
function claimTexts({ lease, attempt, restore }: ClaimOperation): string[] {
  const text = encode.claim(lease, attempt, restore);
  return restore?.create === undefined ? [text] : [encode.recall(restore.create, 0, true), text];
}

function creates(asked: Operation): boolean {
  if (asked.op === "acquire") return asked.create !== undefined;
  return asked.op === "claim" && asked.restore?.create !== undefined;
}

const refusalWords: Readonly<Record<number, string>> = {
  [refusals.timeout]: "timeout",
  [refusals.queueFull]: "queue_full",
  [refusals.exceedsLimit]: "exceeds_limit",
  [refusals.unknown]: "unknown",
  [refusals.reused]: "reused",
  [refusals.inUse]: "in_use",
  [refusals.lapsed]: "lost lapsed",
  [refusals.revoked]: "lost revoked",
  [refusals.recovering]: "withheld",
};

/** What both say to one operation, in the same words. */
function wordOfLedger(answer: Answer): string {
  switch (answer.answer) {
    case "granted":
      return `granted ${answer.fence} until ${answer.expiresAt}${answer.again ? " again" : ""}`;
    case "renewed":
      return `renewed until ${answer.expiresAt}`;
    case "lost":
      return `lost ${answer.reason}`;
    case "cancelled":
    case "released":
    case "revoked":
      return `${answer.answer} ${answer.found}`;
    case "defined":
      return `defined ${answer.created}`;
    default:
      return answer.answer;
  }
}

function wordOfScript(asked: Operation, answer: WireAnswer, reply: Reply): string {
  if (typeof answer !== "number") {
    const [held, fence, until, , , again] = answer;
    return held === 1 ? `granted ${fence} until ${until}${again === 1 ? " again" : ""}` : "queued";
  }
  if (answer < 0) return refusalWords[answer] ?? `refusal ${answer}`;
  switch (asked.op) {
    case "acquire":
      return `granted ${reply.fenceBase + answer} until ${reply.now + (asked.leaseMs ?? reply.leaseMs)}`;
    case "renew":
    case "claim":
      return `renewed until ${reply.now + answer}`;
    case "define":
      return `defined ${answer === 1}`;
    case "resize":
      return "resized";
    case "remove":
      return "removed";
    default:
      return `${{ cancel: "cancelled", release: "released", revoke: "revoked" }[asked.op]} ${answer === 1}`;
  }
}

/** The order among grants is the order of the queue; the other notices have none. */
function tidingsOfLedger(notices: readonly Notice[]): string[] {
  const grants = notices.filter((notice) => notice.answer === "granted");
  const others = notices.filter((notice) => notice.answer === "exceeds_limit" || notice.answer === "revoked");
  return [
    ...grants.map((grant) => `granted ${grant.lease} ${grant.fence}`),
    ...others.map((one) => `${one.answer} ${one.lease}`).sort(),
  ];
}

function tidingsOfScript(reply: Reply): string[] {
  const { grants = [], misfits = [], revoked = [] } = reply.notices ?? {};
  return [
    ...grants.map(([lease, number]) => `granted ${lease} ${reply.fenceBase + number}`),
    ...[
      ...misfits.map((lease) => `exceeds_limit ${lease}`),
      ...revoked.map((lease) => `revoked ${lease}`),
    ].sort(),
  ];
}

let script: ScriptUnderTest;
let stop: () => Promise<void>;

beforeAll(async () => {
  const server = await startRedis();
  script = new ScriptUnderTest(server, "api");
  await script.load();
  stop = async () => {
    script.close();
    await server.stop();
  };
});

afterAll(() => stop());

test(
  "the script answers every sequence of calls as the ledger does, and never exceeds the limit",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 40 }),
        fc.boolean(),
        async (steps, recovers) => {
          await script.reset();
          if (recovers) await script.setServer({ upMs: 0 });
          let now = firstMoment;
          const ledger = new Ledger("api", { recoverUntil: recovers ? now + longestLeaseMs : 0 });
          let highestLimit = 0;
          const names = new PlainNames();
          for (const { afterMs, operations: wished } of [{ afterMs: 0, operations: [create] }, ...steps]) {
            now += afterMs;
            const operations = wished.map((one) => names.name(one));
            // The ledger remembers the fences of a removed semaphore, the script is told of them.
            const fenceSeen = ledger.fence;
            const expected = ledger.apply(operations, now);
            const reply = await script.apply("p", operations.flatMap(texts), now, fenceSeen);
            const answers = answersByOperation(operations, reply);
            // A reply has no more than the last definition to tell by how long a lease lasted that was over before a removal.
            const spoken = operations.some(({ op }) => op === "remove") ? withoutEnd : asItIs;
            expect(
              answers.map((answer, i) => spoken(wordOfScript(operations[i] as Operation, answer, reply))),
            ).toEqual(expected.answers.map((answer) => spoken(wordOfLedger(answer))));
            if (reply.notices?.removed) return;
            expect(tidingsOfScript(reply)).toEqual(tidingsOfLedger(expected.notices));
            const status = await script.status(now);
            expect(withoutAges(status)).toEqual(withoutAges(ledger.status(now)));
            expect(await script.heldPermits()).toBe(status?.inUse ?? 0);
            highestLimit = Math.max(highestLimit, ...operations.map(limitOf));
            if (!recovers) expect(status?.inUse ?? 0).toBeLessThanOrEqual(highestLimit);
          }
        },
      ),
      { numRuns },
    );
  },
  Math.max(120_000, numRuns * 20),
);

function limitOf(asked: Operation): number {
  if (asked.op === "resize") return asked.limit;
  if (asked.op === "define") return asked.definition.limit;
  return asked.op === "acquire" ? (asked.create?.limit ?? 0) : 0;
}

/** The answer to each operation: those to a create in passing are nobody's. */
function answersByOperation(operations: readonly Operation[], reply: Reply): WireAnswer[] {
  const answers = [...reply.answers];
  return operations.map((asked) => {
    if (creates(asked)) answers.shift();
    return answers.shift() ?? Number.NaN;
  });
}

function asItIs(word: string): string {
  return word;
}

function withoutEnd(word: string): string {
  return word.replace(/ until \d+/, "");
}

function withoutAges(status: object | undefined): object | undefined {
  return status && { ...status, oldestLeaseMs: 0 };
}
