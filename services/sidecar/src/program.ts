import { startSidecar } from "./compose.js";
import { createLog } from "./log.js";
import type { Environment } from "./settings/reader.js";
import { readSettings } from "./settings.js";
import type { Running } from "./signals.js";
import { exitCodeOf, reasonOf } from "./start-failure.js";
import { version } from "./version.js";
import { warningsOf } from "./warnings.js";
import { storeNamed, welcome } from "./welcome.js";

/**
 * The sidecar that the environment describes, and its log. Undefined where it did not start: why is on stderr then, and
 * in the code that the process ends with.
 */
export async function start(environment: Environment): Promise<Running | undefined> {
  try {
    const settings = readSettings(environment);
    const log = createLog(settings.logLevel);
    const sidecar = await startSidecar(settings, { log });
    log.info("the sidecar listens", { url: sidecar.url, store: storeNamed(settings), version });
    console.log(welcome(sidecar.url, settings));
    for (const warning of warningsOf(settings)) log.warn(warning);
    return { sidecar, log };
  } catch (error) {
    console.error(`sluice: ${reasonOf(error)}`);
    process.exitCode = exitCodeOf(error);
    return undefined;
  }
}
