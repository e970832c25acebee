import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Semaphore } from "@sluice/core";

/**
 * Work that a shop's services do under one limit.
 *
 * @typedef {object} Line
 * @property {string} semaphore
 * @property {number} limit
 * @property {string} service
 * @property {number} workers how many want a permit at a time, at most
 * @property {number} workMs how long a permit is held, about
 * @property {number} restMs how long a worker rests before it wants the next, about
 */

/** @type {readonly Line[]} */
const lines = [
  { semaphore: "openai", limit: 10, service: "assistant", workers: 17, workMs: 5_000, restMs: 4_500 },
  { semaphore: "embeddings", limit: 40, service: "indexer", workers: 34, workMs: 1_600, restMs: 900 },
  { semaphore: "postgres-reports", limit: 4, service: "reports", workers: 7, workMs: 8_000, restMs: 9_000 },
  { semaphore: "pdf-render", limit: 8, service: "invoices", workers: 9, workMs: 2_500, restMs: 2_500 },
  { semaphore: "payments", limit: 25, service: "checkout", workers: 16, workMs: 700, restMs: 900 },
  { semaphore: "geocoder", limit: 20, service: "delivery", workers: 12, workMs: 500, restMs: 1_800 },
  { semaphore: "speech-to-text", limit: 2, service: "support", workers: 2, workMs: 12_000, restMs: 9_000 },
  { semaphore: "erp-licences", limit: 5, service: "stock", workers: 4, workMs: 4_000, restMs: 6_000 },
  { semaphore: "search-rebuild", limit: 1, service: "indexer", workers: 1, workMs: 20_000, restMs: 15_000 },
];

/** Nobody works under it: an operator has paused it. */
const paused = "newsletter";

/** The same numbers from 0 to 1 at every start. @param {number} seed */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/**
 * Opens a shop, whose services work until `signal` aborts.
 *
 * @param {import("@sluice/core").Store} store
 * @param {AbortSignal} signal
 */
export async function openShop(store, signal) {
  setMaxListeners(0, signal);
  const terms = { leaseMs: 10_000, maxWaiters: 1_000 };
  await store.define(paused, { limit: 0, ...terms });
  for (const { semaphore, limit } of lines) await store.define(semaphore, { limit, ...terms });
  for (const [index, line] of lines.entries()) hire(store, line, randomFrom(index + 1), signal);
}

/** @param {import("@sluice/core").Store} store @param {Line} line @param {() => number} random @param {AbortSignal} signal */
function hire(store, line, random, signal) {
  const semaphore = new Semaphore(store, line.semaphore);
  for (let worker = 0; worker < line.workers; worker += 1) {
    const pod = Math.floor(random() * 36 ** 5)
      .toString(36)
      .padStart(5, "0");
    const holder = `${line.service}-${pod}:1`;
    void work(semaphore, { ...line, holder, random }, signal);
  }
}

/**
 * @param {Semaphore} semaphore
 * @param {Line & { holder: string, random: () => number }} worker
 * @param {AbortSignal} signal
 */
async function work(semaphore, { holder, random, workMs, restMs }, signal) {
  const about = (/** @type {number} */ ms) => ms * (0.4 + 1.2 * random());
  try {
    for (;;) {
      // Demand comes and goes, about twice in what the console shows.
      const tide = 1 + 0.8 * Math.sin(performance.now() / 10_000);
      await sleep(about(restMs) * tide, undefined, { signal });
      await semaphore.use(() => sleep(about(workMs), undefined, { signal }), { holder, signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
