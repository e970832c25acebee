import { asLimit, coloured, filled, timeSeries } from "../panels/time-series.js";
import { stored } from "../promql.js";
import type { Panel } from "../schema/panel.js";

/** Folded: what is not shown is not asked for, and there may be a hundred. */
export const each: Panel[] = [
  timeSeries({
    id: 60,
    title: "$semaphore",
    shows: "Permits in use, the limit, and who waits, of one semaphore.",
    bad: "At the limit, with a queue that does not get shorter.",
    more: "semaphore-by-semaphore",
    size: [8, 7],
    unit: "short",
    decimals: 0,
    lines: [
      { legend: "in use", expr: stored("sluice_permits_in_use") },
      { legend: "limit", expr: stored("sluice_limit") },
      { legend: "waiting", expr: stored("sluice_waiters") },
    ],
    named: { "in use": filled("blue"), limit: asLimit, waiting: coloured("orange") },
    repeat: "semaphore",
  }),
];
