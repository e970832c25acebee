import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { until } from "@sluice/testkit";
import type { Environment } from "../src/settings.js";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));

/** The sidecar as a process of its own, as people start it. */
export class Program {
  readonly process: ChildProcess;
  /** What it ended with: a code, or the name of a signal. */
  readonly ended: Promise<number | string>;
  stdout = "";
  stderr = "";

  constructor(environment: Environment = {}) {
    this.process = spawn(process.execPath, [main], {
      env: { ...process.env, SLUICE_PORT: "0", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.process.stdout?.on("data", (chunk) => {
      this.stdout += chunk;
    });
    this.process.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
    });
    this.ended = new Promise((resolve, reject) => {
      this.process.once("error", reject);
      this.process.once("close", (code, signal) => resolve(code ?? String(signal)));
    });
  }

  /** Where it listens, once it does. @throws Error with what it said where it ends instead */
  async url(): Promise<string> {
    const announced = () => /listens on (\S+)/.exec(this.stdout)?.[1];
    const hasEnded = () => this.process.exitCode !== null || this.process.signalCode !== null;
    await until(() => announced() ?? hasEnded(), { what: "the sidecar to listen", timeoutMs: 15_000 });
    const url = announced();
    if (url === undefined) throw new Error(`the sidecar ended with ${await this.ended}: ${this.stderr}`);
    return url;
  }

  /** What it said on stderr, once that holds `words`. */
  async says(words: string): Promise<string> {
    await until(() => this.stderr.includes(words), {
      what: `the sidecar to say "${words}"`,
      timeoutMs: 15_000,
    });
    return this.stderr;
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.ended;
  }
}
