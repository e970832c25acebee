import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { hasTests, suiteFrom } from "../commands/suites.mjs";
import { tally } from "../commands/tally.mjs";
import { packageFolders, root } from "../toolchain/places.mjs";

it.each(["demo", "start", "secrets", "test", "bench"])(
  "%s says first which Node it needs, and what it met",
  (command) => {
    const pretend = "Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } })";
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--import", `data:text/javascript,${pretend}`, join(root, "packages/workspace", `${command}.mjs`)],
      { encoding: "utf8" },
    );
    expect(stderr).toBe(`Sluice needs Node 20.19 or newer; this is 18.20.4 (${process.execPath}).\n`);
    expect(status).toBe(1);
  },
);

it("says in one line that the registry cannot be reached, and fails", { timeout: 60_000 }, () => {
  const clone = mkdtempSync(join(tmpdir(), "sluice-clone-"));
  onTestFinished(() => rmSync(clone, { recursive: true, force: true }));
  const manifests = packageFolders().map((folder) => join(folder.slice(root.length), "package.json"));
  const files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "packages/workspace", ...manifests];
  for (const file of files) cpSync(join(root, file), join(clone, file), { recursive: true });
  const env = { PATH: process.env.PATH, HOME: clone, npm_config_registry: "http://127.0.0.1:1" };
  const demo = spawnSync(process.execPath, [join(clone, "packages/workspace/demo.mjs")], {
    env,
    encoding: "utf8",
  });
  const [installing, reason, ...rest] = demo.stderr.trim().split("\n");
  expect(installing).toMatch(/^sluice: installing what the demo and the sidecar need, with pnpm@/);
  expect(reason).toMatch(/^sluice: the npm registry cannot be reached \(ECONNREFUSED\); /);
  expect({ rest, stdout: demo.stdout, status: demo.status }).toEqual({ rest: [], stdout: "", status: 1 });
});

it("picks the suite by the first argument, and leaves the others to vitest", () => {
  expect(suiteFrom([])).toEqual({ suite: "tests", args: [] });
  expect(suiteFrom(["system", "cut", "-t", "x"])).toEqual({ suite: "system", args: ["cut", "-t", "x"] });
  expect(suiteFrom(["faults"])).toEqual({ suite: "faults", args: [] });
  expect(suiteFrom(["soak"])).toEqual({ suite: "soak", args: [] });
  expect(suiteFrom(["-t", "system"])).toEqual({ suite: "tests", args: ["-t", "system"] });
});

it("sees that there are tests", () => {
  expect(hasTests("tests")).toBe(true);
});

it("counts the tests of all runs, and tells what failed, be it a test, a file or a whole run", () => {
  const file = (name: string, status: string, ...tests: string[]) => ({
    name,
    status,
    message: status === "failed" ? "cannot be read" : "",
    assertionResults: tests.map((result, index) => ({
      fullName: `test ${index}`,
      status: result,
      failureMessages: result === "failed" ? ["expected 1 to be 2"] : [],
    })),
  });
  const good = { code: 0, report: { testResults: [file("a.ts", "passed", "passed", "passed", "skipped")] } };
  const bad = {
    code: 1,
    report: { testResults: [file("b.ts", "failed", "passed", "failed", "failed"), file("c.ts", "failed")] },
  };
  const brokenBehindTheTests = {
    code: 1,
    report: { testResults: [file("d.ts", "passed", "passed")] },
  };
  const ofBad = [
    "b.ts > test 1\nexpected 1 to be 2",
    "b.ts > test 2\nexpected 1 to be 2",
    "c.ts\ncannot be read",
  ];
  const ofARun = ["a run: exit code 1, and no test of it failed"];
  expect(tally([good])).toEqual({ passed: 2, failures: [] });
  expect(tally([good, bad])).toEqual({ passed: 3, failures: ofBad });
  expect(tally([brokenBehindTheTests])).toEqual({ passed: 1, failures: ofARun });
  expect(tally([{ code: 1 }, { code: 0 }])).toEqual({ passed: 0, failures: ofARun });
});
