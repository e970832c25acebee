import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));

function bench(...names: string[]): Promise<{ stdout: string }> {
  return promisify(execFile)(process.execPath, [main, ...names]);
}

test("a benchmark that is named runs alone, and prints its constants and targets", async () => {
  const { stdout } = await bench("memory");
  expect(stdout).toContain("leases 10000, waiters 10000");
  expect(stdout).toMatch(/^ {2}lease .*<= 400 (met|MISSED)$/m);
  expect(stdout).toMatch(/^ {2}waiter .*<= 500 (met|MISSED)$/m);
  expect(stdout).not.toContain("pairs");
});

test("a name that is none of theirs is refused with those there are", async () => {
  const refusal = { code: 64, stderr: expect.stringContaining("choose from pairs, drain, handoff, memory") };
  await expect(bench("memroy")).rejects.toMatchObject(refusal);
});
