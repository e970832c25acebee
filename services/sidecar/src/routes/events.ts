import type { Express } from "express";
import { drainingProblem } from "../attempts/refusal.js";
import type { Context } from "../context.js";
import { calls } from "../contract/calls.js";
import { EventStream } from "../events/event-stream.js";
import { Feed } from "../events/feed.js";
import { serve } from "../http/serve.js";

/** `GET /v1/events` */
export function eventRoute(app: Express, context: Context): void {
  const { store, log, access, closing } = context;
  const feed = new Feed({ store, log });
  closing.addEventListener("abort", () => feed.end());
  serve(app, context, calls.events, ({ draining }, { caller, request }, response) => {
    if (draining) throw drainingProblem();
    const stream = new EventStream(response);
    response.once(
      "close",
      access.watch(caller, "read", () => response.destroy()),
    );
    if (request.method === "HEAD") stream.end();
    else response.once("close", feed.add(stream));
  });
}
