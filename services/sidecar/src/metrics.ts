import type { Request, RequestHandler, Response } from "express";
import { collectDefaultMetrics, Gauge, Histogram, type Registry } from "prom-client";
import { version } from "./version.js";

/** From 1 ms to 10 minutes: waiting acquires are among the requests. */
const buckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];

const methods = new Set(["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS"]);

/** As proxies log it: the caller hung up before it was answered. */
const CALLER_LEFT = 499;

/** The metrics of the sidecar itself, beside those of its store. Their labels are bounded, whatever callers send. */
export class SidecarMetrics {
  readonly #requests: Histogram<"method" | "route" | "status">;

  constructor(registry: Registry) {
    collectDefaultMetrics({ register: registry });
    this.#requests = new Histogram({
      name: "sluice_http_request_duration_seconds",
      help: "How long requests took from their arrival to the end of the answer, waiting for permits included.",
      labelNames: ["method", "route", "status"],
      buckets,
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
      this.#requests.labels(methodOf(request), routeOf(request), statusOf(response)).observe(seconds);
    });
    next();
  };
}

/** Monotonic time at which the request was taken up. */
export function arrivalOf(response: Response): number {
  return response.locals.arrivedAt;
}

function methodOf({ method }: Request): string {
  return methods.has(method) ? method : "other";
}

/** The pattern, not the path: `/v1/semaphores/:name`. */
function routeOf(request: Request): string {
  return request.route?.path ?? "unknown";
}

function statusOf(response: Response): string {
  return String(response.writableFinished ? response.statusCode : CALLER_LEFT);
}
