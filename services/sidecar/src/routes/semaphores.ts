import {
  definitionBody,
  type ListAnswer,
  noQuery,
  pageQuery,
  resizeBody,
  type SnapshotAnswer,
  semaphorePath,
} from "@sluice/client/shapes";
import { type Definition, SemaphoreInUseError, SemaphoreUnknownError } from "@sluice/core";
import type { Express, Request, Response } from "express";
import { callerOf } from "../caller.js";
import type { Context } from "../context.js";
import { sendJson } from "../http/answer.js";
import { checked, jsonBody, requireLeaseMs } from "../http/input.js";
import { serve } from "../http/serve.js";
import { definitionOf } from "./definition.js";
import { snapshotFor } from "./snapshot.js";

/** `GET /v1/semaphores`, and `GET`, `PUT`, `PATCH` and `DELETE /v1/semaphores/{name}` */
export function semaphoreRoutes(app: Express, context: Context): void {
  serve(app, "/v1/semaphores", { GET: [(request, response) => list(context, request, response)] });
  serve(app, "/v1/semaphores/:name", {
    GET: [(request, response) => look(context, request, response)],
    PUT: [...jsonBody, (request, response) => define(context, request, response)],
    PATCH: [...jsonBody, (request, response) => resize(context, request, response)],
    DELETE: [(request, response) => remove(context, request, response)],
  });
}

async function list({ store }: Context, request: Request, response: Response): Promise<void> {
  const page = checked(pageQuery, request.query, "the query");
  const { semaphores, cursor } = await store.list(page);
  const answer: ListAnswer = { semaphores: [...semaphores], ...(cursor !== undefined && { cursor }) };
  sendJson(response, 200, answer);
}

async function look(context: Context, request: Request, response: Response): Promise<void> {
  const { name } = checked(semaphorePath, request.params, "the path");
  const page = checked(pageQuery, request.query, "the query");
  const snapshot = await context.store.inspect(name, page);
  if (snapshot === undefined) throw new SemaphoreUnknownError(name);
  sendJson(response, 200, snapshotFor(callerOf(request), snapshot));
}

async function define(context: Context, request: Request, response: Response): Promise<void> {
  checked(noQuery, request.query, "the query");
  const { name } = checked(semaphorePath, request.params, "the path");
  const body = checked(definitionBody, request.body, "the body");
  const { store } = context;
  requireLeaseMs({ leaseMs: body.leaseMs }, store.maxLeaseMs);
  const defined = await store.define(name, definitionOf(body, store.maxLeaseMs));
  sendJson(response, defined.created ? 201 : 200, await changed(context, request, name, defined));
}

async function resize(context: Context, request: Request, response: Response): Promise<void> {
  checked(noQuery, request.query, "the query");
  const { name } = checked(semaphorePath, request.params, "the path");
  const { limit } = checked(resizeBody, request.body, "the body");
  const resized = await context.store.resize(name, limit);
  if (resized.outcome === "unknown") throw new SemaphoreUnknownError(name);
  sendJson(response, 200, await changed(context, request, name, resized));
}

async function remove({ store }: Context, request: Request, response: Response): Promise<void> {
  checked(noQuery, request.query, "the query");
  const { name } = checked(semaphorePath, request.params, "the path");
  const removed = await store.remove(name);
  if (removed === "in_use") throw new SemaphoreInUseError(name);
  if (removed === "unknown") throw new SemaphoreUnknownError(name);
  response.writeHead(204).end();
}

/** How the semaphore looks after a change, with the definition that this very change made. */
async function changed(
  { store }: Context,
  request: Request,
  name: string,
  { definition, version }: { readonly definition: Definition; readonly version: number },
): Promise<SnapshotAnswer> {
  const snapshot = await store.inspect(name);
  if (snapshot === undefined) throw new SemaphoreUnknownError(name);
  return { ...snapshotFor(callerOf(request), snapshot), ...definition, version };
}
