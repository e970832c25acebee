import { spawn } from "node:child_process";
import { expect, it } from "vitest";

const MEMORY = import.meta.resolve("@sluice/core/memory");

/** What a Node process prints that runs `body` with a `store`, and an `acquire(lease, waitMs)` under a limit of 1. */
async function output(body: string): Promise<string> {
  const program = `
    import { memoryStore } from ${JSON.stringify(MEMORY)};
    const store = memoryStore();
    const create = { limit: 1, leaseMs: 300, maxWaiters: 10 };
    const acquire = (lease, waitMs) =>
      store.acquire({ semaphore: "api", lease, attempt: "1", fingerprint: "", permits: 1, priority: 0, waitMs,
        leaseMs: undefined, holder: "test", create });
    process.on("exit", () => console.log("exit"));
    ${body}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 20_000,
  });
  let printed = "";
  for await (const chunk of child.stdout) printed += chunk;
  return printed;
}

it("keeps no process alive by a lease that is held, nor by being open", async () => {
  // The lease lasts for longer than until that is said: a process that it kept alive would say it.
  const body = `
    create.leaseMs = 15_000;
    await acquire("a", 0);
    setTimeout(() => console.log("still alive"), 10_000).unref();`;
  expect(await output(body)).toBe("exit\n");
});

it("keeps a process alive for a waiter until a lease has lapsed", async () => {
  const body = `await acquire("a", 0); acquire("b", Infinity).then(({ outcome }) => console.log(outcome));`;
  expect(await output(body)).toBe("granted\nexit\n");
});

it("keeps a process alive until a wait is over", async () => {
  const body = `create.limit = 0; acquire("a", 200).then(({ outcome }) => console.log(outcome));`;
  expect(await output(body)).toBe("timeout\nexit\n");
});

it("keeps nothing alive once it is closed", async () => {
  const body = `
    create.leaseMs = 15_000;
    await acquire("a", 0);
    acquire("b", 15_000).catch(({ code }) => console.log(code));
    const closedAt = performance.now();
    await store.close();
    process.on("exit", () => console.log(performance.now() - closedAt < 10_000));`;
  expect(await output(body)).toBe("STORE_UNAVAILABLE\nexit\ntrue\n");
});
