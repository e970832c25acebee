import type { ReadinessAnswer } from "@sluice/client/shapes";
import type { Store } from "@sluice/core";
import type { Express, Response } from "express";
import type { Context } from "../context.js";
import { sendJson } from "../http/answer.js";
import { serve } from "../http/serve.js";

/** A probe must answer sooner than whoever probes gives up. */
const PING_MS = 1_000;

/** `GET /livez`: the process works; `GET /readyz`: it can grant, or what keeps it from it; `GET /metrics` */
export function probeRoutes(app: Express, context: Context): void {
  serve(app, "/livez", { GET: [(_request, response) => sendJson(response, 200, { status: "alive" })] });
  serve(app, "/readyz", { GET: [(_request, response) => readiness(context, response)] });
  serve(app, "/metrics", { GET: [(_request, response) => metrics(context, response)] });
}

async function readiness({ store, draining }: Context, response: Response): Promise<void> {
  const component = await ping(store);
  const status = draining ? "draining" : component.status === "up" ? "ready" : "unavailable";
  const answer: ReadinessAnswer = { status, components: { store: component } };
  sendJson(response, status === "ready" ? 200 : 503, answer);
}

async function ping(store: Store): Promise<ReadinessAnswer["components"]["store"]> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PING_MS} ms`)), PING_MS);
  });
  try {
    await Promise.race([store.ping(), tooLate]);
    return { status: "up" };
  } catch (error) {
    return { status: "down", detail: (error as Error).message };
  } finally {
    clearTimeout(timer);
  }
}

async function metrics({ registry }: Context, response: Response): Promise<void> {
  const text = await registry.metrics();
  response.writeHead(200, { "content-type": registry.contentType }).end(text);
}
