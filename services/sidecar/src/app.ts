import express, { type Express } from "express";
import type { Context } from "./context.js";
import { answerErrors, notFound } from "./http/answer.js";
import { neverStored, safeHeaders } from "./http/headers.js";
import { refuseOtherMethods } from "./http/serve.js";
import { logRequests } from "./log/requests.js";
import { acquireRoute } from "./routes/acquire.js";
import { consoleRoutes } from "./routes/console.js";
import { eventRoute } from "./routes/events.js";
import { holdRoute } from "./routes/hold.js";
import { leaseRoutes } from "./routes/leases.js";
import { openapiRoute } from "./routes/openapi.js";
import { probeRoutes } from "./routes/probes.js";
import { semaphoreRoutes } from "./routes/semaphores.js";
import { sessionRoute } from "./routes/session.js";

/** The whole HTTP face, apart from listening. */
export function createApp(context: Context): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.enable("case sensitive routing");
  app.enable("strict routing");
  app.use(
    context.metrics.measure,
    logRequests(context.log),
    ...safeHeaders,
    neverStored,
    context.access.guard,
  );
  probeRoutes(app, context);
  semaphoreRoutes(app, context);
  acquireRoute(app, context);
  holdRoute(app, context);
  leaseRoutes(app, context);
  sessionRoute(app, context);
  eventRoute(app, context);
  openapiRoute(app, context);
  consoleRoutes(app, context);
  refuseOtherMethods(app);
  app.use(notFound, answerErrors(context.log));
  return app;
}
