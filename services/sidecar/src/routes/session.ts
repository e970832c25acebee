import type { Express } from "express";
import type { Context } from "../context.js";
import { calls } from "../contract/calls.js";
import { HttpProblem } from "../http/problem.js";
import { serve } from "../http/serve.js";

/** `GET /v1/session` where it does not ask for an upgrade; those that do never get to the app. */
export function sessionRoute(app: Express, context: Context): void {
  serve(app, context, calls.session, () => {
    throw new HttpProblem(
      "UPGRADE_REQUIRED",
      "a session is a WebSocket; ask for the upgrade",
      {},
      { upgrade: "websocket", connection: "Upgrade" },
    );
  });
}
