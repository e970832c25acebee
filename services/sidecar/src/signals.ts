import { isatty } from "node:tty";
import type { Log } from "./log.js";
import type { Sidecar } from "./sidecar.js";

const STDERR = 2;

/** A sidecar that has started, and where it says what it does. */
export interface Running {
  readonly sidecar: Pick<Sidecar, "drain" | "reload" | "leasesHeld">;
  readonly log: Log;
}

/**
 * Lets the process end, in good order at the first SIGTERM or SIGINT, at once at the second; and lets the sidecar read
 * its files again at SIGHUP, unless that says that its terminal was closed. What comes during the start is done after
 * it.
 *
 * @param starting undefined, once it is known, where there was no start; the process then ends by itself
 */
export function heedSignals(starting: Promise<Running | undefined>): void {
  let asked = false;
  const end = (signal: NodeJS.Signals) => {
    if (asked) process.exit(1);
    asked = true;
    void starting.then((running) => running && endInOrder(running, signal));
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  const wasOnTerminal = isatty(STDERR);
  process.on("SIGHUP", (signal) => {
    if (wasOnTerminal && !isatty(STDERR)) return end(signal);
    void starting.then((running) => running && readAgain(running));
  });
}

async function endInOrder({ sidecar, log }: Running, signal: NodeJS.Signals): Promise<void> {
  log.info(`${signal}: ends when its leases have; once more, and it ends at once`, {
    leases: sidecar.leasesHeld,
  });
  try {
    await sidecar.drain();
  } catch (error) {
    log.error("could not end in good order, and ends", { leases: sidecar.leasesHeld, error });
    process.exit(1);
  }
  log.info("drained, and ends", { leases: sidecar.leasesHeld });
  process.exit(0);
}

function readAgain({ sidecar, log }: Running): void {
  log.info("SIGHUP: reads its files again");
  sidecar.reload();
}
