import type { Express, Response } from "express";
import type { Caller } from "../access/caller.js";
import { drainingProblem } from "../attempts/refusal.js";
import type { Context } from "../context.js";
import { calls } from "../contract/calls.js";
import { EventStream } from "../events/event-stream.js";
import { Feed } from "../events/feed.js";
import { textOf } from "../events/text.js";
import { serve } from "../http/serve.js";

/** `GET /v1/events` */
export function eventRoute(app: Express, context: Context): void {
  const { store, log, health, closing, drainBegun } = context;
  const feed = new Feed({ store, log, recovery: () => health.recovery });
  drainBegun.addEventListener("abort", () => feed.drain());
  closing.addEventListener("abort", () => feed.end());
  serve(app, context, calls.events, ({ draining }, { caller, request }, response) => {
    if (draining) throw drainingProblem();
    const stream = new EventStream(response);
    if (request.method === "HEAD") return stream.end();
    endWithScopes(context, caller, response, stream);
    stream.send(textOf("caller", { name: caller.name, scopes: [...caller.scopes] }));
    response.once("close", feed.add(stream));
  });
}

/** A caller that may do less than it was told has to learn of it, and is told anew when it comes back. */
function endWithScopes({ access }: Context, caller: Caller, response: Response, stream: EventStream): void {
  for (const scope of caller.scopes) {
    response.once(
      "close",
      access.watch(caller, scope, () => stream.end()),
    );
  }
}
