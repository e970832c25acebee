import type { RequestHandler, Response } from "express";
import { collectDefaultMetrics, Gauge, Histogram, type Registry } from "prom-client";
import { factsOf, type RequestFacts } from "./request-facts.js";
import { version } from "./version.js";

/** From 1 ms to 10 minutes: waiting acquires are among the requests. */
const buckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];

/** Sums of metrics that are there as well, called as only counters may be; Prometheus's own linter complains. */
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/** The metrics of the sidecar itself, beside those of its store. Their labels are bounded, whatever callers send. */
export class SidecarMetrics {
  readonly #requests: Histogram<"method" | "route" | "status">;
  readonly #sessions: Gauge;

  constructor(registry: Registry) {
    collectDefaultMetrics({ register: registry });
    for (const name of misnamed) registry.removeSingleMetric(name);
    this.#requests = new Histogram({
      name: "sluice_http_request_duration_seconds",
      help: "How long requests took from their arrival to the end of the answer, waiting for permits included.",
      labelNames: ["method", "route", "status"],
      buckets,
      registers: [registry],
    });
    this.#sessions = new Gauge({
      name: "sluice_sessions",
      help: "Sessions that are open.",
      registers: [registry],
    });
    new Gauge({
      name: "sluice_build_info",
      help: "1, labelled with the version that runs.",
      labelNames: ["version"],
      registers: [registry],
    })
      .labels(version)
      .set(1);
  }

  /** Measures every request, and keeps the time of its arrival for `arrivalOf`. */
  readonly measure: RequestHandler = (request, response, next) => {
    const arrivedAt = performance.now();
    response.locals.arrivedAt = arrivedAt;
    response.once("close", () => {
      const seconds = (performance.now() - arrivedAt) / 1_000;
      this.#observe(factsOf(request, response), seconds);
    });
    next();
  };

  /** Counts a request that was refused before it got to `measure`, and at once. */
  refused(facts: RequestFacts): void {
    this.#observe(facts, 0);
  }

  /** How many are open now. */
  sessions(count: number): void {
    this.#sessions.set(count);
  }

  #observe({ method, route, status }: RequestFacts, seconds: number): void {
    this.#requests.labels(method, route, String(status)).observe(seconds);
  }
}

/** Monotonic time at which the request was taken up. */
export function arrivalOf(response: Response): number {
  return response.locals.arrivedAt;
}
