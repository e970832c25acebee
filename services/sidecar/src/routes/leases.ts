import {
  leasePath,
  noQuery,
  type ReleaseAnswer,
  type RenewAnswer,
  releaseBody,
  renewBody,
  semaphorePath,
} from "@sluice/client/shapes";
import type { RenewResult } from "@sluice/core";
import type { Express, Request, Response } from "express";
import type { Context } from "../context.js";
import { sendJson } from "../http/answer.js";
import { checked, jsonBody, requireLeaseMs } from "../http/input.js";
import { HttpProblem } from "../http/problem.js";
import { serve } from "../http/serve.js";

/** `POST …/release`, `POST …/renew` and `DELETE …/leases/{lease}` */
export function leaseRoutes(app: Express, context: Context): void {
  const base = "/v1/semaphores/:name";
  serve(app, `${base}/release`, {
    POST: [...jsonBody, (request, response) => release(context, request, response)],
  });
  serve(app, `${base}/renew`, {
    POST: [...jsonBody, (request, response) => renew(context, request, response)],
  });
  serve(app, `${base}/leases/:lease`, {
    DELETE: [(request, response) => revoke(context, request, response)],
  });
}

async function release({ store, handedOut }: Context, request: Request, response: Response): Promise<void> {
  checked(noQuery, request.query, "the query");
  const { name } = checked(semaphorePath, request.params, "the path");
  const { lease } = checked(releaseBody, request.body, "the body");
  const released = await store.release({ semaphore: name, lease });
  handedOut.ended(name, lease);
  sendJson(response, 200, { released } satisfies ReleaseAnswer);
}

async function renew({ store, handedOut }: Context, request: Request, response: Response): Promise<void> {
  checked(noQuery, request.query, "the query");
  const { name } = checked(semaphorePath, request.params, "the path");
  const { leases, leaseMs } = checked(renewBody, request.body, "the body");
  requireLeaseMs({ leaseMs }, store.maxLeaseMs);
  const renewals = leases.map((lease) => ({ lease, leaseMs }));
  const results = await store.renew(name, renewals);
  for (const result of results) {
    if (result.renewed) handedOut.renewed(name, result.lease, result.validUntil);
    // A revoked lease is held until its holder lets go, or its time is over.
    else if (result.reason === "lapsed") handedOut.ended(name, result.lease);
  }
  sendJson(response, 200, { leases: results.map(renewalOf) } satisfies RenewAnswer);
}

async function revoke({ store }: Context, request: Request, response: Response): Promise<void> {
  checked(noQuery, request.query, "the query");
  const { name, lease } = checked(leasePath, request.params, "the path");
  if (!(await store.revoke(name, lease))) {
    throw new HttpProblem("LEASE_UNKNOWN", `"${name}" has no such lease; it may have ended`);
  }
  response.writeHead(204).end();
}

/** Rounded down, so that nobody believes longer than the store does. */
function renewalOf(result: RenewResult): RenewAnswer["leases"][number] {
  if (!result.renewed) return { ...result, expiresInMs: 0 };
  const expiresInMs = Math.max(0, Math.floor(result.validUntil - performance.now()));
  return { lease: result.lease, renewed: true, expiresInMs };
}
