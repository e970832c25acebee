import type { Express, Response } from "express";
import type { Context } from "../context.js";
import { calls } from "../contract/calls.js";
import { sendJson } from "../http/answer.js";
import { serve } from "../http/serve.js";
import { readinessOf } from "../operation/readiness.js";

/** `GET /livez`: the process works; `GET /readyz`: it can grant, or what keeps it from it; `GET /metrics` */
export function probeRoutes(app: Express, context: Context): void {
  serve(app, context, calls.livez, (_context, _received, response) =>
    sendJson(response, 200, { status: "alive" }),
  );
  serve(app, context, calls.readyz, (_context, _received, response) => readiness(context, response));
  serve(app, context, calls.metrics, (_context, _received, response) => metrics(context, response));
}

async function readiness(context: Context, response: Response): Promise<void> {
  const { store, draining, health } = context;
  const { config, recovery, isDiscreet } = health;
  const leasesHeld = context.handedOut.size + context.custody.size;
  const answer = await readinessOf({ store, draining, leasesHeld, config, recovery, isDiscreet });
  sendJson(response, answer.status === "ready" ? 200 : 503, answer);
}

async function metrics({ registry }: Context, response: Response): Promise<void> {
  const text = await registry.metrics();
  response.writeHead(200, { "content-type": registry.contentType }).end(text);
}
