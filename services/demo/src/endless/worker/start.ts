import type { Child, Children } from "../../children/children.js";
import type { Counts } from "./counts.js";
import { toArgs, type WorkerOptions } from "./options.js";

/** Starts a worker; what it has done is told to `onCounts` now and then. */
export function startWorker(
  children: Children,
  options: WorkerOptions,
  token: string | undefined,
  onCounts: (counts: Counts) => void,
): Child {
  const env = { ...process.env, SLUICE_TOKEN: token };
  const child = children.fork(new URL("main.js", import.meta.url), toArgs(options), env);
  child.process.on("message", (message) => onCounts(message as Counts));
  return child;
}
