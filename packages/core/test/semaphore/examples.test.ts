import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import { memoryStore } from "../../src/stores/memory/index.js";

/** The examples in the comments of a source file, without their imports: the test brings what they import. */
function examplesIn(file: string): string[] {
  const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8");
  return [...source.matchAll(/^ *\* ```ts\n([\s\S]*?)^ *\* ```$/gm)].map(([, example = ""]) =>
    example.replace(/^ *\* ?/gm, "").replace(/^import .*\n/gm, ""),
  );
}

const AsyncFunction = (async () => undefined).constructor as FunctionConstructor;

/** Runs an example as the body of an async function that knows the names of `given`. */
async function run(example: string, given: Record<string, unknown>): Promise<void> {
  const declared = /const openai\b/.test(example) ? { ...given, openai: undefined } : given;
  const names = Object.keys(declared).filter((name) => declared[name] !== undefined);
  await new AsyncFunction(...names, example)(...names.map((name) => declared[name]));
}

const examples = examplesIn("semaphore.ts");

test("every public method of Semaphore has an example", () => {
  const methods = Object.getOwnPropertyNames(Semaphore.prototype).filter((name) => name !== "constructor");
  for (const method of methods) expect(examples.join("\n"), method).toContain(`openai.${method}(`);
});

test.each(examples)("the example runs: %s", async (example) => {
  const callApi = vi.fn(async () => "answer");
  const openai = new Semaphore(memoryStore(), "openai", { limit: 10 });
  await openai.use(() => undefined);
  await run(example, {
    Semaphore,
    redisStore: memoryStoreFor,
    fetch: callApi,
    callApi,
    openai,
    questions: [1, 2],
  });
  expect(await openai.inspect()).toMatchObject({ waiting: 0 });
});

/** The examples connect to Redis; what they show is the same on any store. */
function memoryStoreFor(url: string) {
  expect(url).toMatch(/^redis:/);
  return memoryStore();
}
