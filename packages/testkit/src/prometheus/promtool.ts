import { execFile } from "node:child_process";
import { pathOf } from "./binaries.js";

export interface PromtoolOptions {
  /** Where the tool works; this process's folder when left out. */
  readonly cwd?: string;
  /** What it reads on stdin: `promtool check metrics` reads there. */
  readonly input?: string;
  /** 60,000 when left out. */
  readonly timeoutMs?: number;
}

export interface PromtoolOutcome {
  readonly code: number;
  /** All that it printed, on stdout and then on stderr. */
  readonly output: string;
}

/**
 * Runs `promtool` to its end.
 *
 * @throws Error where there is no promtool, and where it does not end in time
 */
export function promtool(
  args: readonly string[],
  { cwd, input = "", timeoutMs = 60_000 }: PromtoolOptions = {},
): Promise<PromtoolOutcome> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(
      pathOf("promtool"),
      args,
      cwd === undefined ? limits : { ...limits, cwd },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code !== "number") reject(error);
        else resolve({ code, output: stdout + stderr });
      },
    );
    // A tool that has ended before it read its input says why in its output.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}
