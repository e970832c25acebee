import { execFile } from "node:child_process";
import { promisify } from "node:util";

const patienceMs = 280_000;

interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** What a script prints that ends with 0; installs and tests have much to say. @throws Error with what it said */
export function runScript(script: string, folder: string): Promise<Printed> {
  return runProgram("sh", ["-euc", script], folder);
}

/** What a program prints that ends with 0. @throws Error with what it said */
export function runProgram(program: string, args: readonly string[], folder: string): Promise<Printed> {
  const limits = { timeout: patienceMs, maxBuffer: 16 * 1024 * 1024 };
  return promisify(execFile)(program, args, { cwd: folder, ...limits }).catch(explain);
}

function explain(error: Error & { stdout?: string; stderr?: string }): never {
  throw new Error(`${error.message}\n${error.stdout}${error.stderr}`);
}
