import type { Server } from "node:http";
import { Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { consoleFolder } from "@sluice/console";
import type { Store } from "@sluice/core";
import { memoryStore, openMemoryStore } from "@sluice/core/memory";
import { redisStore } from "@sluice/core/redis";
import { redlockStore } from "@sluice/core/redlock";
import { Access } from "./access/access.js";
import { createApp } from "./app.js";
import { readConsole } from "./console/console-page.js";
import { Context } from "./context.js";
import type { HttpProblem } from "./http/problem.js";
import { noteUnreadable } from "./http/refusals.js";
import { createHttpServer } from "./http/server.js";
import { createLog, type Log } from "./log.js";
import { readFiles, Upkeep } from "./operation/upkeep.js";
import { isEveryAddress } from "./settings/host.js";
import type { Settings } from "./settings.js";
import { Sidecar } from "./sidecar.js";

export interface SidecarParts {
  /** Where the count lives; what the settings say when left out. The sidecar closes it in either case. */
  readonly store?: Store;
  readonly log?: Log;
  /** Where the built console lies; that of `@sluice/console` when left out. */
  readonly consoleFolder?: URL;
  /** For how long an acquire with an `Idempotency-Key` outlives its caller; 5,000 when left out, as is promised. */
  readonly lingerMs?: number;
}

/**
 * A sidecar that listens. It starts also while its store is away, and is not ready until that answers.
 *
 * @throws SettingsError where a file that the settings name is bad
 * @throws Error of the operating system where it cannot listen, e.g. with the code EADDRINUSE
 */
export async function startSidecar(settings: Settings, parts: SidecarParts = {}): Promise<Sidecar> {
  const { log = createLog(settings.logLevel), lingerMs } = parts;
  const { limits, metricsMaxSemaphores, allowedHosts, drainMs } = settings;
  const files = readFiles(settings);
  const access = new Access({ tokens: files.tokens, allowedHosts });
  const page = await readConsole(parts.consoleFolder ?? consoleFolder);
  const store = parts.store ?? (await openStore(settings));
  const upkeep = new Upkeep({ settings, files, store, access, log });
  try {
    const health = upkeep;
    const context = new Context({ store, log, access, limits, health, page, metricsMaxSemaphores, lingerMs });
    const onUnreadable = (problem: HttpProblem, stream: Duplex) => noteUnreadable(context, problem, stream);
    const server = createHttpServer(createApp(context), { tls: files.tls, onUnreadable });
    await listen(server, settings);
    const sidecar = new Sidecar(server, context, urlOf(server), drainMs, upkeep);
    // One that cannot listen must not have changed the store.
    upkeep.begin(server);
    return sidecar;
  } catch (error) {
    upkeep.stop();
    await store.close();
    throw error;
  }
}

async function openStore(settings: Settings): Promise<Store> {
  const { redisUrl, quorumUrls, stateDir, prefix, maxLeaseMs, assumeFresh } = settings;
  if (quorumUrls !== undefined) return redlockStore(quorumUrls, { prefix, maxLeaseMs, assumeFresh });
  if (redisUrl !== undefined) return redisStore(redisUrl, { prefix, maxLeaseMs, assumeFresh });
  if (stateDir !== undefined) return openMemoryStore({ maxLeaseMs, stateDir });
  return memoryStore({ maxLeaseMs });
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
function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  const scheme = server instanceof HttpsServer ? "https" : "http";
  const host = isEveryAddress(address) ? "localhost" : address;
  return `${scheme}://${family === "IPv6" && host !== "localhost" ? `[${host}]` : host}:${port}`;
}
