import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("./idle-process.mjs", import.meta.url));

/** Fails when the process has not ended by itself after 10 s. */
async function run(scene: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, scene], { timeout: 10_000 });
  return stdout.trim();
}

test.each([
  ["that constructed a Semaphore", "constructed"],
  ["that used a Semaphore and closed nothing", "used"],
  ["that holds leases and watches their signals", "holding"],
  ["with a lease that will lapse", "lapsing"],
])("a process %s ends by itself", { timeout: 15_000 }, async (_what, scene) => {
  expect(await run(scene)).toBe(`${scene}: end of the program`);
});

test("importing the core loads no optional dependency", { timeout: 15_000 }, async () => {
  expect(await run("imports")).toBe("imports: end of the program");
});
