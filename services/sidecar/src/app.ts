import express, { type Express, type RequestHandler } from "express";
import type { Context } from "./context.js";
import { answerErrors, notFound } from "./http/answer.js";
import { acquireRoute } from "./routes/acquire.js";
import { leaseRoutes } from "./routes/leases.js";
import { probeRoutes } from "./routes/probes.js";
import { semaphoreRoutes } from "./routes/semaphores.js";

/** The whole HTTP face, apart from listening. */
export function createApp(context: Context): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.enable("case sensitive routing");
  app.enable("strict routing");
  app.use(context.metrics.measure, neverStored);
  probeRoutes(app, context);
  semaphoreRoutes(app, context);
  acquireRoute(app, context);
  leaseRoutes(app, context);
  app.use(notFound, answerErrors(context.log));
  return app;
}

/** Every answer is about this moment. */
const neverStored: RequestHandler = (_request, response, next) => {
  response.setHeader("cache-control", "no-store");
  next();
};
