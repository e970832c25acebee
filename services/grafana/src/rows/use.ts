import { alarming, asShare, inUnit, ofOneSemaphore, table } from "../panels/table.js";
import { asLimit, coloured, filled, timeSeries } from "../panels/time-series.js";
import { age, highest, ofSemaphores, quantile, stored, storedOverRange, storedRate } from "../promql.js";
import type { Panel } from "../schema/panel.js";

const more = "is-the-limit-used-well";
const inUse = stored("sluice_permits_in_use");
const limit = stored("sluice_limit");
const waiters = stored("sluice_waiters");
/** A paused semaphore has no limit to divide by: what it still holds counts as if the limit were 1. */
const limitOrOne = `clamp_min(${limit}, 1)`;

export const use: Panel[] = [
  timeSeries({
    id: 10,
    title: "In use, against the limit",
    shows:
      "Permits that are held and the limit, both added up over the semaphores that are chosen; choose one to see it alone.",
    bad: "Always far below the line: the limit is not what slows you down. Always at it, with a queue: raise it as far as what it protects can bear. Above it: it was lowered while leases ran.",
    more,
    size: [12, 9],
    unit: "short",
    lines: [
      { legend: "in use", expr: `sum(${inUse})` },
      { legend: "limit", expr: `sum(${limit})` },
      { legend: "waiting", expr: `sum(${waiters})` },
    ],
    named: { "in use": filled("blue"), limit: asLimit, waiting: coloured("orange") },
    decimals: 0,
  }),
  timeSeries({
    id: 11,
    title: "Utilisation, by semaphore",
    shows: "Permits in use of the limit, of the ten semaphores where that is highest.",
    bad: "One at 100% for hours beside others that are idle: it is too small, or its holders hold for too long (`Lease durations`).",
    more,
    size: [12, 9],
    unit: "percentunit",
    lines: [{ legend: "{{semaphore}}", expr: highest(`${inUse} / ${limitOrOne}`) }],
    softMax: 1,
    warnFrom: 1,
  }),
  table({
    id: 12,
    title: "All semaphores",
    shows:
      "The semaphores that are chosen, the most saturated first. Saturation is what is asked for of what there is: (in use + waiting) / limit. A name leads to that semaphore alone; `other` stands for those without a label of their own.",
    bad: "Saturation above 100% with an old waiter, or leases that lapse. A semaphore with limit 0 is paused: everybody queues.",
    more,
    size: [24, 9],
    rows: [{ label: "semaphore", title: "Semaphore", settings: ofOneSemaphore }],
    columns: [
      { title: "Saturation", expr: `(${inUse} + ${waiters}) / ${limitOrOne}`, settings: asShare },
      { title: "Limit", expr: limit, settings: inUnit("short", 0) },
      { title: "In use", expr: inUse, settings: inUnit("short", 0) },
      { title: "Waiting", expr: waiters, settings: inUnit("short", 0) },
      {
        title: "Longest wait",
        expr: age("sluice_oldest_waiter_timestamp_seconds"),
        settings: [...inUnit("s", 1), ...alarming(60)],
      },
      {
        title: "Wait, p95",
        expr: quantile(0.95, ofSemaphores("sluice_acquire_wait_seconds_bucket"), "semaphore"),
        settings: inUnit("s", 2),
      },
      {
        title: "Oldest lease",
        expr: age("sluice_oldest_lease_timestamp_seconds"),
        settings: inUnit("s", 1),
      },
      { title: "Grants/s", expr: storedRate("sluice_store_grants_total"), settings: inUnit("none", 2) },
      {
        title: "Lapsed",
        expr: storedOverRange("sluice_store_lapses_total"),
        settings: [...inUnit("short", 0), ...alarming(0.5)],
      },
    ],
    sortBy: "Saturation",
  }),
  timeSeries({
    id: 13,
    title: "Grants, by semaphore",
    shows: "Leases granted a second, to whomever, of the ten semaphores with the most.",
    bad: "None while people wait: everything is held and nothing is released. Look who holds in the console, and at `Oldest lease`.",
    more,
    size: [12, 8],
    unit: "ops",
    lines: [{ legend: "{{semaphore}}", expr: highest(storedRate("sluice_store_grants_total")) }],
  }),
  timeSeries({
    id: 14,
    title: "Free permits while others wait",
    shows: "Permits that nobody holds, of semaphores with a queue; 0 without one.",
    bad: "A moment is normal, and so is a large request at the head that waits for enough at once. A level that stays means that the first waiter asks for more than is ever free together, or that the store recovers.",
    more,
    size: [12, 8],
    unit: "short",
    decimals: 0,
    lines: [
      { legend: "{{semaphore}}", expr: highest(`clamp_min(${limit} - ${inUse}, 0) * (${waiters} > bool 0)`) },
    ],
  }),
];
