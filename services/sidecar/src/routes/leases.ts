import type { ReleaseAnswer, RenewAnswer } from "@sluice/client/shapes";
import { newAttemptId, type RenewResult } from "@sluice/core";
import type { Express, Response } from "express";
import type { Context } from "../context.js";
import { calls } from "../contract/calls.js";
import { sendJson } from "../http/answer.js";
import { requireLeaseMs } from "../http/input.js";
import { HttpProblem } from "../http/problem.js";
import { type Received, serve } from "../http/serve.js";
import { claimOf } from "../leases/claim.js";

/** `POST …/release`, `POST …/renew` and `DELETE …/leases/{lease}` */
export function leaseRoutes(app: Express, context: Context): void {
  serve(app, context, calls.release, release);
  serve(app, context, calls.renew, renew);
  serve(app, context, calls.revoke, revoke);
}

async function release(
  context: Context,
  { params: { name }, body: { lease } }: Received<typeof calls.release>,
  response: Response,
): Promise<void> {
  const released = await context.release(name, lease);
  sendJson(response, 200, { released } satisfies ReleaseAnswer);
}

async function renew(
  context: Context,
  { params: { name }, body }: Received<typeof calls.renew>,
  response: Response,
): Promise<void> {
  const { store, handedOut, custody } = context;
  requireLeaseMs({ leaseMs: body.leaseMs }, store.maxLeaseMs);
  const results = await renewOrClaim(context, name, body);
  for (const result of results) {
    if (result.renewed) {
      handedOut.renewed(name, result.lease, result.validUntil);
      custody.promised(name, result.lease, result.validUntil);
    }
    // A revoked lease is held until its holder lets go, or its time is over.
    else if (result.reason === "lapsed") handedOut.ended(name, result.lease);
  }
  sendJson(response, 200, { leases: results.map(renewalOf) } satisfies RenewAnswer);
}

async function revoke(
  { store, log }: Context,
  { params: { name, lease }, caller }: Received<typeof calls.revoke>,
  response: Response,
): Promise<void> {
  if (!(await store.revoke(name, lease))) {
    throw new HttpProblem("LEASE_UNKNOWN", `"${name}" has no such lease; it may have ended`);
  }
  log.info("lease revoked", { semaphore: name, by: caller.name });
  response.writeHead(204).end();
}

/** A lease that is named is renewed, one that is told whole is claimed. */
async function renewOrClaim(
  { store, custody, handedOut, acquires }: Context,
  semaphore: string,
  { leases, leaseMs }: Received<typeof calls.renew>["body"],
): Promise<RenewResult[]> {
  const renewals = leases.filter((lease) => typeof lease === "string").map((lease) => ({ lease, leaseMs }));
  const mayMake = acquires.mayMake(semaphore);
  const claims = leases
    .filter((lease) => typeof lease !== "string")
    .map((lease) => claimOf(lease, newAttemptId(), { maxLeaseMs: store.maxLeaseMs, mayMake }));
  for (const { lease } of renewals) custody.promising(semaphore, lease, leaseMs);
  const [renewed, claimed] = await Promise.all([
    renewals.length === 0 ? [] : store.renew(semaphore, renewals),
    claims.length === 0 ? [] : store.claim(semaphore, claims),
  ]);
  for (const result of claimed) {
    if (!result.renewed) continue;
    // Its holder renews it by itself from now on, whoever did so before.
    custody.letGo(semaphore, result.lease);
    handedOut.granted(semaphore, result.lease, result.validUntil);
  }
  const byLease = new Map([...renewed, ...claimed].map((result) => [result.lease, result]));
  return leases
    .map((lease) => (typeof lease === "string" ? lease : lease.lease))
    .map((lease) => byLease.get(lease) ?? { lease, renewed: false, reason: "lapsed" });
}

/** Rounded down, so that nobody believes longer than the store does. */
function renewalOf(result: RenewResult): RenewAnswer["leases"][number] {
  if (!result.renewed) return { ...result, expiresInMs: 0 };
  const expiresInMs = Math.max(0, Math.floor(result.validUntil - performance.now()));
  return { lease: result.lease, renewed: true, expiresInMs };
}
