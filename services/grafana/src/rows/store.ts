import { stateTimeline } from "../panels/state-timeline.js";
import { coloured, timeSeries } from "../panels/time-series.js";
import { highest, increase, mean, ofProcesses, ofSemaphores, quantile, rate, stored } from "../promql.js";
import type { Panel } from "../schema/panel.js";

const more = "is-the-store-healthy";
const roundtrips = ofProcesses("sluice_store_roundtrip_seconds_bucket");
const batches = "sluice_store_batch_operations";

export const store: Panel[] = [
  stateTimeline({
    id: 40,
    title: "Store, as each process sees it",
    shows: "Whether the store answered within 2 s when the process was scraped.",
    bad: "One process alone: its network. All of them: the store. While it is away nothing is granted, and what is held lapses unless the store comes back in time.",
    more,
    size: [12, 8],
    lines: [{ legend: "{{instance}}", expr: `max by (instance) (${ofProcesses("sluice_store_up")})` }],
    states: { 0: { text: "away", color: "red" }, 1: { text: "up", color: "green" } },
  }),
  timeSeries({
    id: 41,
    title: "Round trip to the store",
    shows: "How long calls took: half of them, and 99%, less. A memory store has none.",
    bad: "Above a few milliseconds within one data centre: a busy Redis (look at SLOWLOG and CPU), a slow disk under `appendfsync always`, or the network.",
    more,
    size: [12, 8],
    unit: "s",
    lines: [
      { legend: "p50", expr: quantile(0.5, roundtrips) },
      { legend: "p99", expr: quantile(0.99, roundtrips) },
    ],
    named: { p50: coloured("green"), p99: coloured("red") },
    nothing: "no calls",
  }),
  timeSeries({
    id: 42,
    title: "Calls that failed, by process",
    shows: "Calls of the store that ended with an error, a second.",
    bad: "Anything that stays: the store is away, full, or of a version that Sluice refuses. The log has the reason.",
    more,
    size: [12, 8],
    unit: "ops",
    bars: true,
    lines: [{ legend: "{{instance}}", expr: rate(ofProcesses("sluice_store_errors_total"), "instance") }],
  }),
  timeSeries({
    id: 43,
    title: "Operations in a call",
    shows: "How many operations one call carried. It rises with the load: what is ready goes together.",
    bad: "Hundreds, with slow round trips: the store is the bottleneck.",
    more,
    size: [12, 8],
    unit: "short",
    lines: [
      { legend: "mean", expr: mean(batches) },
      { legend: "p99", expr: quantile(0.99, ofProcesses(`${batches}_bucket`)) },
    ],
    named: { mean: coloured("green"), p99: coloured("red") },
    nothing: "no calls",
  }),
  timeSeries({
    id: 44,
    title: "Recovery under way, by semaphore",
    shows:
      "1 while a semaphore grants nothing, because the store restarted or was failed over and may have lost leases.",
    bad: "Longer than `SLUICE_MAX_LEASE_MS`, or again and again: the store does not stay up. Waiters keep their place meanwhile.",
    more,
    size: [12, 8],
    unit: "none",
    decimals: 0,
    lines: [{ legend: "{{semaphore}}", expr: highest(stored("sluice_recovery_active")) }],
    softMax: 1,
  }),
  timeSeries({
    id: 45,
    title: "Recoveries that began, by process",
    shows:
      "Recoveries as each process saw them, one for each semaphore: one restart of the store is many here.",
    bad: "Without a restart or a failover that you know of: find out what restarts the store, or evicts its keys.",
    more,
    size: [12, 8],
    unit: "short",
    bars: true,
    lines: [{ legend: "{{instance}}", expr: increase(ofSemaphores("sluice_recoveries_total"), "instance") }],
    nothing: "none",
  }),
];
