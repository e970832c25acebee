import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";
import { groupLives } from "./process-group.js";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const UNSHARED = new URL("unshared/register.mjs", import.meta.url).href;

/** Starts the demo; nothing of it outlives the test. */
export function runDemo(...args: string[]): Demo {
  return started(new Demo(args, ""));
}

/** The demo with a client that shares nothing between processes. */
export function runUnsharedDemo(...args: string[]): Demo {
  return started(new Demo(args, `--import=${UNSHARED}`));
}

function started(demo: Demo): Demo {
  onTestFinished(() => {
    if (groupLives(demo.group)) process.kill(-demo.group, "SIGKILL");
  });
  return demo;
}

/** The demo as a process, in a group of its own, so that a signal can reach all of it as Ctrl-C does. */
export class Demo {
  readonly process: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], nodeOptions: string) {
    const env = { ...process.env, NODE_OPTIONS: nodeOptions };
    this.process = spawn(process.execPath, [MAIN, ...args], { detached: true, env });
    this.process.stdout?.setEncoding("utf8").on("data", (chunk) => {
      this.stdout += chunk;
    });
    this.process.stderr?.setEncoding("utf8").on("data", (chunk) => {
      this.stderr += chunk;
    });
    this.#ended = once(this.process, "close");
  }

  get group(): number {
    return this.process.pid ?? Number.NaN;
  }

  /** The exit code, or the name of the signal that ended it. */
  async ending(): Promise<number | string> {
    const [code, signal] = (await this.#ended) as [number | null, string | null];
    return code ?? signal ?? "?";
  }

  async prints(line: RegExp): Promise<void> {
    await expect.poll(() => this.stdout + this.stderr, { timeout: 40_000, interval: 20 }).toMatch(line);
  }

  async leavesNothing(): Promise<void> {
    await expect.poll(() => groupLives(this.group), { timeout: 5_000, interval: 20 }).toBe(false);
  }

  /** The two numbers in a row of the table. */
  row(name: string): [own: number, shared: number] {
    const [, own, shared] = new RegExp(`^ ${name} +(\\S+)(?: ms| s)? +(\\S+)`, "m").exec(this.stdout) ?? [];
    return [Number.parseFloat(own ?? ""), Number.parseFloat(shared ?? "")];
  }
}
