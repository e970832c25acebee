import { heatmap } from "../panels/heatmap.js";
import { coloured, timeSeries } from "../panels/time-series.js";
import { age, highest, increase, ofSemaphores, quantile, rate, stored } from "../promql.js";
import type { Panel } from "../schema/panel.js";

const more = "who-waits-and-how-long";
const waits = ofSemaphores("sluice_acquire_wait_seconds_bucket");
const durations = ofSemaphores("sluice_lease_duration_seconds_bucket");

export const waiting: Panel[] = [
  timeSeries({
    id: 20,
    title: "Waiters, by semaphore",
    shows: "Acquires that are queued, of the ten longest queues.",
    bad: "A queue that only grows: more work arrives than the limit lets through. Send less, make the work shorter, or raise the limit.",
    more,
    size: [12, 8],
    unit: "short",
    decimals: 0,
    lines: [{ legend: "{{semaphore}}", expr: highest(stored("sluice_waiters")) }],
  }),
  timeSeries({
    id: 21,
    title: "Longest wait, by semaphore",
    shows: "How long the longest waiter of a semaphore has waited so far.",
    bad: "A straight line upwards: nobody is served. A saw is a queue that moves. High with few waiters: a large request at the head, or holders that hold for long.",
    more,
    size: [12, 8],
    unit: "s",
    lines: [{ legend: "{{semaphore}}", expr: highest(age("sluice_oldest_waiter_timestamp_seconds")) }],
    nothing: "nobody waits",
  }),
  timeSeries({
    id: 22,
    title: "Waits of those who were granted",
    shows: "How long acquires took until they were granted: half of them, 95% and 99% took less.",
    bad: "The 99th far above the half: a few wait long, by priority or behind large requests. All of them high: the limit is too low for this load. Those that gave up are not in here, see `Outcomes`.",
    more,
    size: [12, 8],
    unit: "s",
    lines: [
      { legend: "p50", expr: quantile(0.5, waits) },
      { legend: "p95", expr: quantile(0.95, waits) },
      { legend: "p99", expr: quantile(0.99, waits) },
    ],
    named: { p50: coloured("green"), p95: coloured("orange"), p99: coloured("red") },
    nothing: "nothing was granted",
  }),
  timeSeries({
    id: 23,
    title: "Wait, p95, by semaphore",
    shows: "95% of a semaphore's acquires were granted sooner; the ten where that is highest.",
    bad: "One semaphore far above the others: choose it above, and look at its limit and its lease durations.",
    more,
    size: [12, 8],
    unit: "s",
    lines: [{ legend: "{{semaphore}}", expr: highest(quantile(0.95, waits, "semaphore")) }],
    nothing: "nothing was granted",
  }),
  timeSeries({
    id: 24,
    title: "Outcomes",
    shows: "Acquires that ended, a second, by how.",
    bad: "`timeout`: waited as long as they were ready to. `queue_full`: more wait than `maxWaiters`. `error`: the store was away or recovers, or they asked for what cannot be. `aborted`: the caller left.",
    more,
    size: [12, 8],
    unit: "ops",
    bars: true,
    lines: [{ legend: "{{outcome}}", expr: rate(ofSemaphores("sluice_acquires_total"), "outcome") }],
    named: {
      granted: coloured("green"),
      timeout: coloured("orange"),
      aborted: coloured("purple"),
      queue_full: coloured("yellow"),
      error: coloured("red"),
    },
  }),
  heatmap({
    id: 25,
    title: "Waits, spread out",
    shows:
      "How many acquires were granted after how long. Two bands are two kinds of callers: those that found a permit free, and those that queued.",
    bad: "The lower band disappears: nobody is granted at once any more.",
    more,
    size: [12, 8],
    unit: "s",
    expr: increase(waits, "le"),
  }),
  timeSeries({
    id: 26,
    title: "Lease durations",
    shows:
      "How long leases were held, from the grant to the release or the loss: half of them, 95% and 99% for less.",
    bad: "They grow: the work has become slower, and each permit lets less through. A limit is best changed after that has been looked into.",
    more,
    size: [12, 8],
    unit: "s",
    lines: [
      { legend: "p50", expr: quantile(0.5, durations) },
      { legend: "p95", expr: quantile(0.95, durations) },
      { legend: "p99", expr: quantile(0.99, durations) },
    ],
    named: { p50: coloured("green"), p95: coloured("orange"), p99: coloured("red") },
    nothing: "no lease ended",
  }),
  timeSeries({
    id: 27,
    title: "Oldest lease, by semaphore",
    shows: "Since how long the oldest lease of a semaphore has been held.",
    bad: "A straight line for hours: something holds a permit, renews it, and does not get on. Find the holder in the console, and revoke the lease if it may be taken away.",
    more,
    size: [12, 8],
    unit: "s",
    lines: [{ legend: "{{semaphore}}", expr: highest(age("sluice_oldest_lease_timestamp_seconds")) }],
    nothing: "nothing is held",
  }),
];
