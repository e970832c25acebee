import type { Store } from "@sluice/core";
import { memoryStore } from "@sluice/core/memory";
import { startSidecar } from "../src/compose.js";
import { createLog } from "../src/log.js";
import { type Environment, readSettings } from "../src/settings.js";
import type { Sidecar } from "../src/sidecar.js";

export interface TestOptions {
  readonly store?: Store;
  readonly environment?: Environment;
  readonly lingerMs?: number;
  /** Where the built console lies; that of the tests when left out. */
  readonly consoleFolder?: URL;
  /** Everything that the sidecar logs is added to it. */
  readonly logged?: string[];
}

/** As a build leaves it, with as much in it as there are kinds of files. */
export const testConsole = new URL("page/", import.meta.url);

/** A sidecar on a free port of loopback, over a memory store of its own unless another one is given. */
export function startTestSidecar({
  store,
  environment,
  lingerMs,
  consoleFolder = testConsole,
  logged = [],
}: TestOptions = {}): Promise<Sidecar> {
  const settings = readSettings({ SLUICE_PORT: "0", ...environment });
  return startSidecar(settings, {
    store: store ?? memoryStore({ maxLeaseMs: settings.maxLeaseMs }),
    consoleFolder,
    log: createLog("debug", (text) => logged.push(text)),
    ...(lingerMs !== undefined && { lingerMs }),
  });
}

/** The same store behind more than one sidecar, none of which ends it. */
export function shared(store: Store): Store {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === "close") return async () => {};
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
