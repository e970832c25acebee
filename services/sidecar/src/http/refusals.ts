import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Context } from "../context.js";
import { calls } from "../contract/calls.js";
import { methodOf, type RequestFacts } from "../request-facts.js";
import { problemFor } from "./answer.js";
import { HttpProblem } from "./problem.js";

type Witnesses = Pick<Context, "log" | "metrics">;

/** The problem that the caller of a refused upgrade is told of; log and metrics get to know of it as of any request. */
export function refusedUpgrade(witnesses: Witnesses, request: IncomingMessage, error: unknown): HttpProblem {
  const { path } = calls.session;
  const problem = problemFor(error, `${calls.session.method} ${path}`, witnesses.log);
  const route = request.url?.split("?", 1)[0] === path ? path : "unknown";
  note(witnesses, { method: methodOf(request), route, status: problem.status }, problem, request.socket);
  return problem;
}

/** An upgrade that asks for no WebSocket that is known here. */
export function unreadableUpgrade({ message }: Error): HttpProblem {
  const members = { errors: [{ argument: "upgrade", detail: message }] };
  return new HttpProblem("INVALID_ARGUMENT", message, members, { "sec-websocket-version": "13" });
}

/** Lets log and metrics know of a request that could not be read. */
export function noteUnreadable(witnesses: Witnesses, problem: HttpProblem, stream: Duplex): void {
  note(witnesses, { method: "other", route: "unknown", status: problem.status }, problem, stream);
}

function note({ log, metrics }: Witnesses, facts: RequestFacts, { code }: HttpProblem, stream: Duplex): void {
  const caller = stream instanceof Socket ? stream.remoteAddress : undefined;
  metrics.refused(facts);
  log.debug("request", { ...facts, code, ...(caller !== undefined && { caller }) });
}
