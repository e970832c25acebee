import type { ListAnswer, SnapshotAnswer } from "@sluice/client/shapes";
import { type Definition, SemaphoreInUseError, SemaphoreUnknownError, type Store } from "@sluice/core";
import type { Express, Response } from "express";
import type { Caller } from "../access/caller.js";
import type { Context } from "../context.js";
import { calls } from "../contract/calls.js";
import { definitionOf } from "../definition.js";
import { sendJson } from "../http/answer.js";
import { requireLeaseMs } from "../http/input.js";
import { type Received, serve } from "../http/serve.js";
import { snapshotFor } from "./snapshot.js";

/** `GET /v1/semaphores`, and `GET`, `PUT`, `PATCH` and `DELETE /v1/semaphores/{name}` */
export function semaphoreRoutes(app: Express, context: Context): void {
  serve(app, context, calls.listSemaphores, list);
  serve(app, context, calls.getSemaphore, look);
  serve(app, context, calls.defineSemaphore, define);
  serve(app, context, calls.resizeSemaphore, resize);
  serve(app, context, calls.deleteSemaphore, remove);
}

async function list(
  { store }: Context,
  { query }: Received<typeof calls.listSemaphores>,
  response: Response,
): Promise<void> {
  const { semaphores, cursor } = await store.list(query);
  const answer: ListAnswer = { semaphores: [...semaphores], ...(cursor !== undefined && { cursor }) };
  sendJson(response, 200, answer);
}

async function look(
  { store }: Context,
  { params: { name }, query, caller }: Received<typeof calls.getSemaphore>,
  response: Response,
): Promise<void> {
  const snapshot = await store.inspect(name, query);
  if (snapshot === undefined) throw new SemaphoreUnknownError(name);
  sendJson(response, 200, snapshotFor(caller, snapshot));
}

async function define(
  { store, log }: Context,
  { params: { name }, body, caller }: Received<typeof calls.defineSemaphore>,
  response: Response,
): Promise<void> {
  requireLeaseMs({ leaseMs: body.leaseMs }, store.maxLeaseMs);
  const defined = await store.define(name, definitionOf(body, store.maxLeaseMs));
  const { definition, version, created } = defined;
  log.info("semaphore defined", { semaphore: name, ...definition, version, created, by: caller.name });
  sendJson(response, defined.created ? 201 : 200, await changed(store, caller, name, defined));
}

async function resize(
  { store, log }: Context,
  { params: { name }, body: { limit }, caller }: Received<typeof calls.resizeSemaphore>,
  response: Response,
): Promise<void> {
  const resized = await store.resize(name, limit);
  if (resized.outcome === "unknown") throw new SemaphoreUnknownError(name);
  log.info("semaphore resized", { semaphore: name, limit, version: resized.version, by: caller.name });
  sendJson(response, 200, await changed(store, caller, name, resized));
}

async function remove(
  { store, log }: Context,
  { params: { name }, caller }: Received<typeof calls.deleteSemaphore>,
  response: Response,
): Promise<void> {
  const removed = await store.remove(name);
  if (removed === "in_use") throw new SemaphoreInUseError(name);
  if (removed === "unknown") throw new SemaphoreUnknownError(name);
  log.info("semaphore removed", { semaphore: name, by: caller.name });
  response.writeHead(204).end();
}

/** How the semaphore looks after a change, with the definition that this very change made. */
async function changed(
  store: Store,
  caller: Caller,
  name: string,
  { definition, version }: { readonly definition: Definition; readonly version: number },
): Promise<SnapshotAnswer> {
  const snapshot = await store.inspect(name);
  if (snapshot === undefined) throw new SemaphoreUnknownError(name);
  return { ...snapshotFor(caller, snapshot), ...definition, version };
}
