import type { IncomingMessage } from "node:http";
import type { Request, Response } from "express";

const methods = new Set(["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS"]);

/** As proxies log it: the caller hung up before it was answered. */
const CALLER_LEFT = 499;

/** What is told about a request that has ended: bounded in number, and without secrets, whatever callers send. */
export interface RequestFacts {
  readonly method: string;
  /** The pattern, not the path: `/v1/semaphores/:name`. */
  readonly route: string;
  readonly status: number;
}

export function factsOf(request: Request, response: Response): RequestFacts {
  return {
    method: methodOf(request),
    route: routeOf(request),
    status: response.writableFinished ? response.statusCode : CALLER_LEFT,
  };
}

export function methodOf({ method = "" }: Pick<IncomingMessage, "method">): string {
  return methods.has(method) ? method : "other";
}

/** The pattern of the route that a request took, or `unknown`. */
export function routeOf(request: Request): string {
  return request.route?.path ?? "unknown";
}
