import type { Express, RequestHandler } from "express";
import { HttpProblem } from "./problem.js";

export type Method = "GET" | "PUT" | "PATCH" | "POST" | "DELETE";

/** What each method of a path does, in steps; any other method is answered with 405. */
export type Handlers = Readonly<Partial<Record<Method, readonly RequestHandler[]>>>;

export function serve(app: Express, path: string, handlers: Handlers): void {
  const route = app.route(path);
  for (const [method, steps] of Object.entries(handlers)) {
    route[method.toLowerCase() as Lowercase<Method>](...steps);
  }
  const allow = Object.keys(handlers)
    .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
    .join(", ");
  route.all(({ method }) => {
    throw new HttpProblem("METHOD_NOT_ALLOWED", `${path} takes ${allow}; got ${method}`, {}, { allow });
  });
}
