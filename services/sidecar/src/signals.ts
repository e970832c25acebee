import { isatty } from "node:tty";
import type { Log } from "./log.js";
import type { Sidecar } from "./sidecar.js";

const STDERR = 2;

/**
 * Lets the process end, in good order at the first SIGTERM or SIGINT, at once at the second; and lets the sidecar read
 * its files again at SIGHUP, unless that says that its terminal was closed.
 */
export function heedSignals(sidecar: Sidecar, log: Log): void {
  let asked = false;
  const end = (signal: NodeJS.Signals) => {
    if (asked) process.exit(1);
    asked = true;
    log.info(`${signal}: ends when its leases have; once more, and it ends at once`, {
      leases: sidecar.leasesHeld,
    });
    sidecar.drain().then(() => {
      log.info("drained, and ends", { leases: sidecar.leasesHeld });
      process.exit(0);
    });
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  const wasOnTerminal = isatty(STDERR);
  process.on("SIGHUP", (signal) => {
    if (wasOnTerminal && !isatty(STDERR)) return end(signal);
    log.info("SIGHUP: reads its files again");
    sidecar.reload();
  });
}
