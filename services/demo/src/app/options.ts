import { parseArgs } from "node:util";

/** What one app process is told by its parent. */
export interface AppOptions {
  /** Its number, from 1. */
  readonly app: number;
  readonly tasks: number;
  readonly limit: number;
  /** The name of the semaphore. */
  readonly semaphore: string;
  /** Address of the upstream. */
  readonly upstream: string;
  /** Address of the sidecar; undefined: a semaphore in the process's own memory. */
  readonly sidecar: string | undefined;
}

/** Options as a command line, so that `ps` shows what each process is there for. */
export function toArgs(options: AppOptions): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, `${value}`],
  );
}

/** The inverse of `toArgs`. */
export function fromArgs(args: readonly string[]): AppOptions {
  const text = { type: "string" } as const;
  const options = { app: text, tasks: text, limit: text, semaphore: text, upstream: text, sidecar: text };
  const { values } = parseArgs({ args: [...args], options });
  return {
    app: Number(values.app),
    tasks: Number(values.tasks),
    limit: Number(values.limit),
    semaphore: required("semaphore", values.semaphore),
    upstream: required("upstream", values.upstream),
    sidecar: values.sidecar,
  };
}

function required(name: string, value: string | undefined): string {
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
}
