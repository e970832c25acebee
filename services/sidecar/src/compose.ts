import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Store } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { redisStore } from "@sluice/core/redis";
import { createApp } from "./app.js";
import { Context } from "./context.js";
import { createHttpServer } from "./http/server.js";
import { createLog, type Log } from "./log.js";
import type { Settings } from "./settings.js";
import { Sidecar } from "./sidecar.js";

export interface SidecarParts {
  /** Where the count lives; what the settings say when left out. The sidecar closes it in either case. */
  readonly store?: Store;
  readonly log?: Log;
  /** For how long an acquire with an `Idempotency-Key` outlives its caller; 5,000 when left out, as is promised. */
  readonly lingerMs?: number;
}

/**
 * A sidecar that listens. It starts also while its store is away, and is not ready until that answers.
 *
 * @throws Error of the operating system where it cannot listen, e.g. with the code EADDRINUSE
 */
export async function startSidecar(settings: Settings, parts: SidecarParts = {}): Promise<Sidecar> {
  const { log = createLog(settings.logLevel), store = openStore(settings), lingerMs } = parts;
  logAvailability(store, log);
  const { metricsMaxSemaphores } = settings;
  const context = new Context({ store, log, metricsMaxSemaphores, lingerMs });
  const server = createHttpServer(createApp(context));
  try {
    await listen(server, settings);
  } catch (error) {
    await context.store.close();
    throw error;
  }
  return new Sidecar(server, context, urlOf(server.address() as AddressInfo), settings.drainMs);
}

/** Each change once; a store that answers from the start is no news. */
function logAvailability(store: Store, log: Log): void {
  let wasUp = true;
  store.observe({
    availability: ({ up, cause }) => {
      if (up && !wasUp) log.info("the store answers again");
      if (!up && wasUp) log.error("the store is away; nothing is granted until it is back", { cause });
      wasUp = up;
    },
  });
}

function openStore({ redisUrl, prefix, maxLeaseMs, assumeFresh }: Settings): Store {
  if (redisUrl === undefined) return memoryStore({ maxLeaseMs });
  return redisStore(redisUrl, { prefix, maxLeaseMs, assumeFresh });
}

function listen(server: Server, { host, port }: Settings): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** One that this host can open: an address that stands for all addresses is no place to go to. */
function urlOf({ address, family, port }: AddressInfo): string {
  const host = address === "0.0.0.0" || address === "::" ? "localhost" : address;
  return `http://${family === "IPv6" && host !== "localhost" ? `[${host}]` : host}:${port}`;
}
