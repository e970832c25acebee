import { sidecarStore } from "@sluice/client";
import type { Store } from "@sluice/core";
import { ChildError, within } from "./children/child-error.js";
import { type Child, type Children, untilItEnds } from "./children/children.js";

const START_MS = 20_000;
/** How long the first answer of its store may take. */
const STORE_MS = 10_000;
/** How long a sidecar that is told to stop waits for leases that are still held. */
const DRAIN_MS = 500;

/** A sidecar in a process of its own. */
export interface Sidecar {
  readonly url: string;
  /** The orchestrator's own way to it. */
  readonly store: Store;
  /** Never resolves; rejects when the sidecar ends before it was stopped. */
  readonly ended: Promise<never>;
  stop(): Promise<void>;
}

/**
 * Starts a sidecar on a free port of loopback, over the given Redis or its own memory.
 *
 * @throws ChildError when it does not start, or its Redis does not answer
 */
export async function startSidecar(children: Children, redisUrl: string | undefined): Promise<Sidecar> {
  const program = new URL("dist/main.js", import.meta.resolve("@sluice/sidecar/package.json"));
  const child = children.fork(program, [], environment(redisUrl));
  const ended = untilItEnds(child, "the sidecar");
  const url = await within(START_MS, "the sidecar", Promise.race([address(child), ended]));
  const store = sidecarStore(url);
  try {
    await within(STORE_MS, "the sidecar's store", store.ping());
  } catch (error) {
    throw new ChildError(`the sidecar cannot reach ${location(redisUrl)}\n${(error as Error).message}`);
  }
  const stop = async () => {
    await store.close();
    await children.stop(child);
  };
  return { url, store, ended, stop };
}

/** The caller's environment without its settings for Sluice, which are meant for other sidecars. */
function environment(redisUrl: string | undefined): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("SLUICE_") && name !== "REDIS_URL",
  );
  const redis = { REDIS_URL: redisUrl, SLUICE_PREFIX: "sluice-demo", SLUICE_ASSUME_FRESH: "1" };
  return {
    ...Object.fromEntries(inherited),
    SLUICE_PORT: "0",
    SLUICE_LOG_LEVEL: "error",
    SLUICE_DRAIN_MS: `${DRAIN_MS}`,
    // Fresh is true here: each run's semaphore has a new name, so that no lease of an earlier run concerns it.
    ...(redisUrl === undefined ? {} : redis),
  };
}

/** The address that the sidecar prints once it listens. */
function address({ process: child }: Child): Promise<string> {
  return new Promise((resolve) => {
    let printed = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      if (printed.length < 10_000) printed += chunk;
      const found = /http:\/\/127\.0\.0\.1:\d+(?=\D)/.exec(printed);
      if (found !== null) resolve(found[0]);
    });
  });
}

/** Where the count is kept, without a password. */
function location(redisUrl: string | undefined): string {
  if (redisUrl === undefined) return "its own memory";
  const { protocol, host } = new URL(redisUrl);
  return `${protocol}//${host}`;
}
