import { describe, expect, it } from "vitest";
import { runDemo, runUnsharedDemo } from "./demo-process.js";

const SMALL = ["--processes", "2", "--tasks", "3", "--limit", "2"];
const TASKS_UNDER_WAY = /^1 of 2 .* upstream [1-9]/m;

describe("npm run demo", { timeout: 60_000 }, () => {
  it("keeps the limit through Sluice, which processes on their own do not", async () => {
    const demo = runDemo("--processes", "3", "--tasks", "4", "--limit", "3", "--task-ms", "200");
    const ending = await demo.ending();
    expect(demo.stderr).toBe("");
    expect(ending).toBe(0);
    const [ownHighest, sharedHighest] = demo.row("most calls the upstream saw");
    expect(ownHighest).toBeGreaterThan(3);
    expect(sharedHighest).toBe(3);
    const [ownRefused, sharedRefused] = demo.row("429s");
    expect(ownRefused).toBeGreaterThan(0);
    expect(sharedRefused).toBe(0);
    expect(demo.stdout).toMatch(/tasks done +12\/12 +12\/12/);
    expect(demo.stdout).toContain("none of 12 tasks refused or lost");
    // Nobody is faster than the limit allows; Node's timers may fire a millisecond early.
    expect(demo.row("makespan / ideal")[1]).toBeGreaterThanOrEqual(0.98);
    await demo.leavesNothing();
  });

  it("fails when the processes do not share the limit", async () => {
    const demo = runUnsharedDemo(...SMALL, "--task-ms", "400");
    const ending = await demo.ending();
    expect(demo.stderr).toBe("");
    expect(ending).toBe(1);
    expect(demo.stdout).toMatch(/The limit of 2 was exceeded: the upstream saw [34] calls at once\./);
    expect(demo.stdout).toMatch(/Calls that the upstream refused: [1-9]/);
    expect(demo.stdout).not.toContain("Tasks lost");
  });

  it("fails in a few words when Redis cannot be reached, without its password", async () => {
    const demo = runDemo(...SMALL, "--redis", "redis://me:secret@127.0.0.1:1");
    expect(await demo.ending()).toBe(1);
    expect(demo.stderr).toContain("cannot reach redis://127.0.0.1:1");
    expect(demo.stderr).not.toContain("secret");
    await demo.leavesNothing();
  });

  it("says what is wrong with an option, and starts nothing", async () => {
    const demo = runDemo("--limit", "0");
    expect(await demo.ending()).toBe(64);
    expect(demo.stderr).toContain('--limit must be a whole number from 1 to 1000; got "0"');
    expect(demo.stdout).toBe("");
  });

  it("explains itself", async () => {
    const demo = runDemo("--help");
    expect(await demo.ending()).toBe(0);
    expect(demo.stdout).toContain("Usage: npm run demo");
  });
});

describe("a demo that is ended", { timeout: 60_000 }, () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("by %s leaves no process", async (signal, code) => {
    const demo = runDemo(...SMALL, "--task-ms", "1500");
    await demo.prints(TASKS_UNDER_WAY);
    process.kill(-demo.group, signal);
    expect(await demo.ending()).toBe(code);
    await demo.leavesNothing();
  });

  it("by a closed pipe leaves no process", async () => {
    const demo = runDemo(...SMALL, "--task-ms", "1500");
    await demo.prints(TASKS_UNDER_WAY);
    demo.process.stdout?.destroy();
    expect(await demo.ending()).toBe(1);
    await demo.leavesNothing();
  });

  it("by kill -9 leaves no process, not even the sidecar", async () => {
    // The second part lasts for as long as it may take to see that it has begun.
    const demo = runDemo(...SMALL, "--tasks", "1", "--task-ms", "1500");
    await demo.prints(/^2 of 2 /m);
    process.kill(demo.group, "SIGKILL");
    expect(await demo.ending()).toBe("SIGKILL");
    await demo.leavesNothing();
  });
});
