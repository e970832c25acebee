import { setImmediate as nextTurn } from "node:timers/promises";
import { type AcquireAnswer, acquireBody, noQuery, semaphorePath } from "@sluice/client/shapes";
import { type AcquireRequest, type AcquireResult, type Grant, newAttemptId, type Store } from "@sluice/core";
import type { Express, Request, Response } from "express";
import type { Attempt } from "../attempts/attempt.js";
import { idempotencyKeyOf } from "../attempts/idempotency-key.js";
import { fingerprintOf, leaseIdOf } from "../attempts/naming.js";
import { drainingProblem, refusalProblem } from "../attempts/refusal.js";
import { callerOf } from "../caller.js";
import type { Context } from "../context.js";
import { sendJson } from "../http/answer.js";
import { checked, jsonBody, requireLeaseMs } from "../http/input.js";
import { serve } from "../http/serve.js";
import { arrivalOf } from "../metrics.js";
import { definitionOf } from "./definition.js";

interface Asked {
  readonly request: AcquireRequest;
  /** Whether the caller has given the acquire a name, under which it can ask again. */
  readonly named: boolean;
}

/** `POST /v1/semaphores/{name}/acquire` */
export function acquireRoute(app: Express, context: Context): void {
  serve(app, "/v1/semaphores/:name/acquire", {
    POST: [...jsonBody, (request, response) => acquire(context, request, response)],
  });
}

async function acquire(context: Context, httpRequest: Request, response: Response): Promise<void> {
  const { request, named } = readAsked(httpRequest, context.store.maxLeaseMs);
  if (named) await hasReadOn();
  if (httpRequest.socket.destroyed) return;
  if (context.draining) throw drainingProblem();
  const lingerMs = named ? context.lingerMs : 0;
  const attempt = context.attempts.start(patient(request, lingerMs), lingerMs);
  response.once("close", () => {
    if (response.writableFinished) attempt.delivered();
    else attempt.forsake();
  });
  const result = await resultInTime(attempt, request, lingerMs, context.store);
  if (response.closed) return;
  if (result.outcome !== "granted") throw refusalProblem(result, request);
  attempt.told();
  context.handedOut.granted(request.semaphore, result.lease, result.validUntil);
  sendJson(response, 200, answerOf(result, request.semaphore, arrivalOf(response)));
}

/**
 * Lets the loop read what lies behind the request: one turn to get to the next reading, one to do it. A request may
 * have lain in a buffer, before a sidecar that was stopped, while its caller gave up and asked again elsewhere. Were it
 * carried out now, the lease would belong to it, the latest attempt, and its hang-up, which lies right behind it, would
 * undo what the caller holds.
 */
async function hasReadOn(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

function readAsked(httpRequest: Request, maxLeaseMs: number): Asked {
  checked(noQuery, httpRequest.query, "the query");
  const { name } = checked(semaphorePath, httpRequest.params, "the path");
  const body = checked(acquireBody, httpRequest.body, "the body");
  requireLeaseMs({ leaseMs: body.leaseMs, "create.leaseMs": body.create?.leaseMs }, maxLeaseMs);
  const { permits, priority, waitMs, leaseMs, limit, create } = body;
  const key = idempotencyKeyOf(httpRequest);
  const request: AcquireRequest = {
    semaphore: name,
    lease: leaseIdOf(name, key, callerOf(httpRequest).token),
    attempt: newAttemptId(),
    fingerprint: key === undefined ? "" : fingerprintOf(body),
    permits,
    priority,
    waitMs,
    leaseMs,
    holder: body.holder ?? httpRequest.socket.remoteAddress ?? "unknown",
    create: limit === undefined ? undefined : definitionOf({ limit, ...create }, maxLeaseMs),
  };
  return { request, named: key !== undefined };
}

/** The store keeps the place for longer than the caller waits, so that a caller that comes back finds it. */
function patient(request: AcquireRequest, lingerMs: number): AcquireRequest {
  return request.waitMs === 0 ? request : { ...request, waitMs: request.waitMs + lingerMs };
}

/** The store's own word, or that the wait is over while the attempt lingers. */
async function resultInTime(
  attempt: Attempt,
  { semaphore, waitMs }: AcquireRequest,
  lingerMs: number,
  store: Store,
): Promise<AcquireResult> {
  if (waitMs === 0 || lingerMs === 0) return attempt.answer;
  const result = await within(waitMs, attempt.answer);
  if (result !== undefined) return result;
  attempt.forsake();
  // Also finds out whether the store is there at all: if it is not, that is what the caller must hear.
  const snapshot = await store.inspect(semaphore, { pageSize: 1 });
  return snapshot === undefined ? { outcome: "unknown" } : { outcome: "timeout", limit: snapshot.limit };
}

/** Undefined when `work` takes longer. */
async function within<Result>(ms: number, work: Promise<Result>): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** Rounded down, so that nobody believes longer than the store does. */
function answerOf(grant: Grant, semaphore: string, arrivedAt: number): AcquireAnswer {
  const { lease, permits, fence, leaseMs, limit, validUntil } = grant;
  const now = performance.now();
  const expiresInMs = Math.max(0, Math.floor(validUntil - now));
  const waitedMs = Math.floor(now - arrivedAt);
  return { lease, semaphore, permits, fence, leaseMs, expiresInMs, waitedMs, limit };
}
