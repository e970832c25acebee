import type { Express, Request, Response } from "express";
import type { z } from "zod";
import { callerOf } from "../access/access.js";
import type { Caller } from "../access/caller.js";
import type { Context } from "../context.js";
import type { Call, Method } from "../contract/call.js";
import { calls } from "../contract/calls.js";
import { checked, jsonBody } from "./input.js";
import { HttpProblem } from "./problem.js";

type OutputOf<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

type OutputsOf<Schemas> = { readonly [Name in keyof Schemas]: OutputOf<Schemas[Name]> };

/** A request for a call, checked by its schemas. What the call does not take is undefined. */
export interface Received<Called extends Call> {
  readonly params: Called extends { params: infer Schema } ? OutputOf<Schema> : undefined;
  readonly query: Called extends { query: infer Schema } ? OutputOf<Schema> : undefined;
  readonly headers: Called extends { headers: infer Schemas } ? OutputsOf<Schemas> : undefined;
  readonly body: Called extends { body: infer Schema } ? OutputOf<Schema> : undefined;
  readonly caller: Caller;
  readonly request: Request;
}

/** Carries out a call. What it throws is answered as a problem. */
export type Handler<Called extends Call> = (
  context: Context,
  received: Received<Called>,
  response: Response,
) => void | Promise<void>;

/** Lets callers who may call it have `call` carried out; before that neither its body nor anything else is read. */
export function serve<Called extends Call>(
  app: Express,
  context: Context,
  call: Called,
  handle: Handler<Called>,
): void {
  const steps = [context.access.permit(call.scope), ...(call.body === undefined ? [] : jsonBody)];
  const method = call.method.toLowerCase() as Lowercase<Method>;
  app
    .route(patternOf(call.path))
    [method](...steps, (request, response) => handle(context, receivedOf(call, request, response), response));
}

/** After all calls were served: any other method of their paths is answered with 405. */
export function refuseOtherMethods(app: Express): void {
  for (const path of new Set(Object.values(calls).map((call) => call.path))) {
    const allow = methodsAt(path).join(", ");
    app.route(patternOf(path)).all(({ method }) => {
      throw new HttpProblem("METHOD_NOT_ALLOWED", `${path} takes ${allow}; got ${method}`, {}, { allow });
    });
  }
}

function methodsAt(path: string): string[] {
  return Object.values(calls)
    .filter((call) => call.path === path)
    .flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
}

function receivedOf<Called extends Call>(
  { query, params, headers = {}, body }: Called,
  request: Request,
  response: Response,
): Received<Called> {
  const received = {
    query: query && checked(query, request.query, "the query"),
    params: params && checked(params, request.params, "the path"),
    body: body && checked(body, request.body, "the body"),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, schema]) => [
        name,
        checked(schema, request.headers[name.toLowerCase()], name),
      ]),
    ),
    caller: callerOf(response),
    request,
  };
  return received as Received<Called>;
}

/** As Express has it: `/v1/semaphores/:name`. */
function patternOf(path: string): string {
  return path.replace(/\{(\w+)\}/g, ":$1");
}
