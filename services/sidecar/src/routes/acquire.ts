import type { Express, Response } from "express";
import { askedOf } from "../attempts/asked.js";
import { hasReadOn } from "../attempts/reading-on.js";
import { drainingProblem } from "../attempts/refusal.js";
import type { Context } from "../context.js";
import { calls } from "../contract/calls.js";
import { sendJson } from "../http/answer.js";
import { type Received, serve } from "../http/serve.js";
import { answerOf } from "../leases/grant-answer.js";
import { arrivalOf } from "../metrics.js";

/** `POST /v1/semaphores/{name}/acquire` */
export function acquireRoute(app: Express, context: Context): void {
  serve(app, context, calls.acquire, acquire);
}

async function acquire(
  context: Context,
  { params, body, headers, caller, request }: Received<typeof calls.acquire>,
  response: Response,
): Promise<void> {
  const semaphore = params.name;
  const key = headers["Idempotency-Key"];
  const address = request.socket.remoteAddress ?? "unknown";
  const asked = askedOf({ semaphore, fields: body, key, caller, address }, context.store.maxLeaseMs);
  if (asked.named) await hasReadOn();
  if (request.socket.destroyed) return;
  if (context.draining) throw drainingProblem();
  const acquire = context.acquires.start(asked);
  // A caller that may not have it any more is not left to wait for it.
  const unwatch = context.access.watch(caller, "use", () => response.destroy());
  response.once("close", unwatch);
  response.once("close", () => {
    if (response.writableFinished) acquire.delivered();
    else acquire.forsake();
  });
  const grant = await acquire.grant;
  if (response.closed) return;
  acquire.told();
  context.handedOut.granted(semaphore, grant.lease, grant.validUntil);
  sendJson(response, 200, answerOf(grant, semaphore, arrivalOf(response)));
}
