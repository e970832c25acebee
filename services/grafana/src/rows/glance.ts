import { stat } from "../panels/stat.js";
import { alarming, table } from "../panels/table.js";
import { age, ofProcesses, stored, storedOverRange } from "../promql.js";
import type { Panel } from "../schema/panel.js";

/** What an on-call person reads first: six numbers, and the alerts that fire. */
export const glance: Panel[] = [
  stat({
    id: 1,
    title: "Store",
    shows: "Whether the store answers every process of the fleet.",
    bad: "At least one process gets no answer, and grants nothing while that lasts. Look at the row of the store.",
    more: "is-the-store-healthy",
    size: [3, 4],
    unit: "none",
    expr: `min(${ofProcesses("sluice_store_up")})`,
    colours: ["red", [1, "green"]],
    words: { 0: "away", 1: "up" },
    nothing: "no scrape",
  }),
  stat({
    id: 2,
    title: "Fullest semaphore",
    shows: "Permits in use of the limit, of the semaphore where that is highest.",
    bad: "At 100% the next acquire waits. That is what a limit is for; it is too low only if people wait too long.",
    more: "is-the-limit-used-well",
    size: [3, 4],
    unit: "percentunit",
    decimals: 0,
    expr: `max(${stored("sluice_permits_in_use")} / clamp_min(${stored("sluice_limit")}, 1))`,
    colours: ["green", [1, "orange"]],
  }),
  stat({
    id: 3,
    title: "Waiting",
    shows: "Acquires that are queued, of all semaphores that are chosen.",
    bad: "A queue that does not get shorter: more work arrives than the limit lets through.",
    more: "who-waits-and-how-long",
    size: [3, 4],
    unit: "short",
    decimals: 0,
    expr: `sum(${stored("sluice_waiters")})`,
    colours: ["green", [1, "orange"]],
  }),
  stat({
    id: 4,
    title: "Longest wait",
    shows: "How long the longest of those who wait has waited so far.",
    bad: "Older than callers bear. Look whether anything is released (`Grants`), and who holds: the console knows.",
    more: "who-waits-and-how-long",
    size: [3, 4],
    unit: "s",
    expr: `max(${age("sluice_oldest_waiter_timestamp_seconds")})`,
    colours: ["green", [5, "orange"], [60, "red"]],
    nothing: "nobody",
  }),
  stat({
    id: 5,
    title: "Lapsed",
    shows: "Leases that ended within the time range because nobody renewed them.",
    bad: "Processes died, were stopped, or did not get to renew. Look at the row of what was lost.",
    more: "what-was-lost",
    size: [3, 4],
    unit: "short",
    decimals: 0,
    expr: `sum(${storedOverRange("sluice_store_lapses_total")})`,
    colours: ["green", [0.5, "red"]],
  }),
  stat({
    id: 6,
    title: "Recovering",
    shows:
      "Semaphores that grant nothing until leases from before a restart of the store are claimed or have lapsed.",
    bad: "Longer than the longest lease: the store restarts again and again.",
    more: "is-the-store-healthy",
    size: [3, 4],
    unit: "short",
    decimals: 0,
    expr: `sum(${stored("sluice_recovery_active")})`,
    colours: ["green", [1, "orange"]],
    words: { 0: "none" },
  }),
  table({
    id: 7,
    title: "Firing alerts",
    shows:
      "The alerts of services/prometheus that fire now. Empty, too, where Prometheus has not loaded those rules.",
    bad: "docs/alerts.md says of each what it means and what to do.",
    more: "alerts",
    size: [6, 4],
    rows: [
      { label: "alertname", title: "Alert", settings: [] },
      { label: "severity", title: "Severity", settings: [] },
      { label: "semaphore", title: "Semaphore", settings: [] },
    ],
    columns: [
      {
        title: "Firing",
        // Some alerts are about no single job or semaphore.
        expr: 'count by (alertname, severity, semaphore) (ALERTS{alertname=~"Sluice.+", alertstate="firing", job=~"$job|", semaphore=~"$semaphore|"})',
        settings: alarming(1),
      },
    ],
    sortBy: "Firing",
    nothing: "none fires",
  }),
];
