import { setTimeout as sleep } from "node:timers/promises";
import { type Children, untilItEnds } from "../children/children.js";
import { Fleet } from "./fleet.js";
import { closingLine, openingLine, standingLine } from "./lines.js";
import type { EndlessSettings } from "./settings.js";
import { serveStatus } from "./status.js";
import { type Standing, Tally } from "./tally.js";
import { startUpstreams, type Upstreams } from "./upstreams/start.js";

/** Longer than any task takes: what was begun is finished before the load ends. */
export const FINISH_MS = 6_000;

const SHOW_EVERY_MS = 10_000;
/** The first line soon, for whoever has started it and looks on. */
const SHOW_FIRST_MS = 3_000;

export interface EndlessRun {
  readonly settings: EndlessSettings;
  readonly children: Children;
  readonly print: (line: string) => void;
  /** Ends the load in good order: what was begun is finished, and nothing stays held. */
  readonly stop: AbortSignal;
}

/**
 * Puts load on the sidecars until `stop` aborts.
 *
 * @returns the exit code: 1 if an upstream refused a call
 * @throws ChildError when the upstreams do not start, or end
 */
export async function runEndless({ settings, children, print, stop }: EndlessRun): Promise<0 | 1> {
  print(openingLine(settings));
  const tally = new Tally();
  if (settings.statusPort !== undefined) await serveStatus(settings.statusPort, tally);
  const upstreams = await startUpstreams(children);
  const fleet = new Fleet({ settings, children, upstreams: upstreams.urls, tally });
  fleet.start();
  const upstreamsEnded = untilItEnds(upstreams.child, "the upstreams");
  await Promise.race([keepShowing(tally, upstreams, print, stop), upstreamsEnded]);
  await fleet.stop();
  tally.observe(await upstreams.stats());
  print(closingLine(tally.standing()));
  return tally.standing().refused === 0 ? 0 : 1;
}

async function keepShowing(
  tally: Tally,
  upstreams: Upstreams,
  print: (line: string) => void,
  stop: AbortSignal,
): Promise<void> {
  let before: Standing | undefined;
  while (!stop.aborted) {
    const ms = before === undefined ? SHOW_FIRST_MS : SHOW_EVERY_MS;
    await sleep(ms, undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) return;
    tally.observe(await upstreams.stats());
    const now = tally.standing();
    print(standingLine(now, before));
    before = now;
  }
}
