import { describe, it } from "vitest";
import type { Chapter } from "./chapter.js";
import { claiming } from "./claiming.js";
import { clients } from "./clients.js";
import { closing } from "./closing.js";
import { crowds } from "./crowds.js";
import { definitions } from "./definitions.js";
import { granting } from "./granting.js";
import { leases } from "./leases.js";
import { looking } from "./looking.js";
import { order } from "./order.js";
import { removing } from "./removing.js";
import { repeats } from "./repeats.js";
import { revoking } from "./revoking.js";
import { waiting } from "./waiting.js";
import { type StoreUnderTest, World } from "./world.js";

export interface ConformanceOptions {
  /** What the store cannot do: the names of the tests to leave out, each with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
}

const CHAPTERS: Readonly<Record<string, Chapter>> = {
  granting,
  order,
  waiting,
  leases,
  repeats,
  claiming,
  definitions,
  revoking,
  removing,
  looking,
  clients,
  closing,
  crowds,
};

/** These need a second client of the same count. */
const NEEDS_CLIENTS: Chapter = clients;

const TIMEOUT_MS = 30_000;

/**
 * Declares the tests that define a store: whatever passes them is one.
 *
 * @example
 * storeConformance("the memory store", async () => ({ store: memoryStore(), dispose: async () => {} }));
 *
 * @param create makes what one test needs; called for each test anew
 * @throws Error when a name in `skip` is no test of the suite
 */
export function storeConformance(
  name: string,
  create: () => Promise<StoreUnderTest>,
  { skip = {} }: ConformanceOptions = {},
): void {
  const chapters = Object.entries(CHAPTERS).map(([title, chapter]) => ({
    title,
    chapter,
    tests: testsOf(chapter),
  }));
  refuseUnknownNames(
    Object.keys(skip),
    chapters.flatMap(({ tests }) => tests.map((test) => test.name)),
  );
  describe(`${name} is a store:`, () => {
    for (const { title, chapter, tests } of chapters) {
      describe(title, () => {
        for (const test of tests) declare(test, skip[test.name], create, chapter === NEEDS_CLIENTS);
      });
    }
  });
}

interface NamedTest {
  readonly name: string;
  readonly body: (world: World) => Promise<void>;
}

function testsOf(chapter: Chapter): NamedTest[] {
  const tests: NamedTest[] = [];
  chapter((name, body) => tests.push({ name, body }));
  return tests;
}

/** A skipped test that was renamed must not run, or stay out, unnoticed. */
function refuseUnknownNames(skipped: readonly string[], known: readonly string[]): void {
  const unknown = skipped.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no test of the suite is named ${JSON.stringify(unknown)}`);
}

function declare(
  { name, body }: NamedTest,
  reason: string | undefined,
  create: () => Promise<StoreUnderTest>,
  needsClients: boolean,
): void {
  if (reason !== undefined) {
    it.skip(`${name} (left out: ${reason})`, () => {});
    return;
  }
  it(name, { timeout: TIMEOUT_MS }, async (context) => {
    const world = new World(await create());
    try {
      context.skip(needsClients && !world.hasClients, "the count belongs to one client");
      await body(world);
    } finally {
      await world.end();
    }
  });
}
