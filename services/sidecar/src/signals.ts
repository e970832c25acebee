import type { Log } from "./log.js";
import type { Sidecar } from "./sidecar.js";

/** Lets the process end: in good order at the first SIGTERM or SIGINT, at once at the second. */
export function endOnSignals(sidecar: Sidecar, log: Log): void {
  let asked = false;
  const end = (signal: NodeJS.Signals) => {
    if (asked) process.exit(1);
    asked = true;
    log.info(`${signal}: ends when its leases have; once more, and it ends at once`, {
      leases: sidecar.leasesHeld,
    });
    sidecar.drain().then(() => process.exit(0));
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
}
