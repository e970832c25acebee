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
    const { url, consoleUrl } = sidecar;
    log.info("the sidecar listens", { url, console: consoleUrl, store: storeNamed(settings), version });
    console.log(welcome(url, consoleUrl, settings));
    if (consoleUrl === undefined) log.warn("the console was not built; npm run build builds it");
    for (const warning of warningsOf(settings)) log.warn(warning);
    return { sidecar, log };
  } catch (error) {
    console.error(`sluice: ${reasonOf(error)}`);
    process.exitCode = exitCodeOf(error);
    return undefined;
  }
}
