import { coloured, timeSeries } from "../panels/time-series.js";
import { highest, increase, ofSemaphores, rate, storedIncrease } from "../promql.js";
import type { Panel } from "../schema/panel.js";

const more = "what-was-lost";

export const losses: Panel[] = [
  timeSeries({
    id: 30,
    title: "Lapses, by semaphore",
    shows:
      "Leases that ended because nobody renewed them, as the store counts them: also those of processes that can count nothing any more.",
    bad: "Processes die while they hold, are stopped, or block their event loop for longer than a lease. Each costs its permit for up to one lease time.",
    more,
    size: [12, 8],
    unit: "short",
    bars: true,
    lines: [{ legend: "{{semaphore}}", expr: highest(storedIncrease("sluice_store_lapses_total")) }],
    nothing: "no semaphore",
  }),
  timeSeries({
    id: 31,
    title: "Leases lost, as their holders learned",
    shows: "Leases that ended before they were released, as counted by processes that are alive.",
    bad: "Work went on, or was broken off, without its permit. Beside `Lapses` and none here: the holders died.",
    more,
    size: [12, 8],
    unit: "short",
    bars: true,
    lines: [
      {
        legend: "{{semaphore}}",
        expr: highest(increase(ofSemaphores("sluice_leases_lost_total"), "semaphore")),
      },
    ],
    nothing: "no semaphore",
  }),
  timeSeries({
    id: 32,
    title: "Revocations, by semaphore",
    shows: "Leases that an operator took away.",
    bad: "More than somebody remembers doing: the log of the sidecar says by which token.",
    more,
    size: [12, 8],
    unit: "short",
    bars: true,
    lines: [{ legend: "{{semaphore}}", expr: highest(storedIncrease("sluice_store_revocations_total")) }],
    nothing: "no semaphore",
  }),
  timeSeries({
    id: 33,
    title: "Releases, by reason",
    shows:
      "Leases given back, a second: `explicit` by a release, `disconnect` because a caller of the sidecar hung up.",
    bad: "Many by `disconnect`: callers are killed, or break off while they hold.",
    more,
    size: [12, 8],
    unit: "ops",
    bars: true,
    lines: [{ legend: "{{reason}}", expr: rate(ofSemaphores("sluice_releases_total"), "reason") }],
    named: { explicit: coloured("green"), disconnect: coloured("orange") },
  }),
  timeSeries({
    id: 34,
    title: "Renewals that failed",
    shows: "Renewals a second that did not extend their lease, by why.",
    bad: "`lapsed`: they came too late, the process was stopped or its loop was busy. `error`: the store was away. `revoked`: an operator took the lease.",
    more,
    size: [12, 8],
    unit: "ops",
    bars: true,
    lines: [
      {
        legend: "{{outcome}}",
        expr: rate(ofSemaphores("sluice_renewals_total", 'outcome!="renewed"'), "outcome"),
      },
    ],
    named: { lapsed: coloured("red"), revoked: coloured("purple"), error: coloured("orange") },
  }),
  timeSeries({
    id: 35,
    title: "Limit conflicts, by semaphore",
    shows: "Acquires that asked for another limit than the stored one, which ruled.",
    bad: "Two releases run side by side, which passes with the deployment; or a program still names an old limit. Change the stored one in the console, or the program.",
    more,
    size: [12, 8],
    unit: "short",
    bars: true,
    lines: [
      {
        legend: "{{semaphore}}",
        expr: highest(increase(ofSemaphores("sluice_limit_conflicts_total"), "semaphore")),
      },
    ],
    nothing: "no semaphore",
  }),
];
