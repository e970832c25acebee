import { startSidecar } from "./compose.js";
import { createLog } from "./log.js";
import { readSettings } from "./settings.js";
import { heedSignals } from "./signals.js";
import { exitCodeOf, reasonOf } from "./start-failure.js";
import { warningsOf } from "./warnings.js";
import { welcome } from "./welcome.js";

try {
  const settings = readSettings(process.env);
  const log = createLog(settings.logLevel);
  const sidecar = await startSidecar(settings, { log });
  heedSignals(sidecar, log);
  console.log(welcome(sidecar.url, settings));
  for (const warning of warningsOf(settings)) log.warn(warning);
} catch (error) {
  console.error(`sluice: ${reasonOf(error)}`);
  process.exitCode = exitCodeOf(error);
}
