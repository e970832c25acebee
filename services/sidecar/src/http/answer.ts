import type { ErrorRequestHandler, RequestHandler, Response } from "express";
import type { Log } from "../log.js";
import { routeOf } from "../request-facts.js";
import { HttpProblem } from "./problem.js";
import { problemOf } from "./problem-of.js";

export function sendJson(response: Response, status: number, body: unknown): void {
  send(response, status, "application/json", body);
}

/** For callers that ask for what there is not. */
export const notFound: RequestHandler = ({ method, path }) => {
  throw new HttpProblem("NOT_FOUND", `there is no ${method} ${path}`);
};

/** Answers with the problem that an error stands for; what nobody has foreseen is logged whole and told to nobody. */
export function answerErrors(log: Log): ErrorRequestHandler {
  return (error, request, response, _next) => {
    const problem = problemFor(error, `${request.method} ${routeOf(request)}`, log);
    if (response.headersSent) return void response.destroy();
    for (const [name, value] of Object.entries(problem.allHeaders())) response.setHeader(name, value);
    send(response, problem.status, "application/problem+json", problem);
  };
}

/** The problem that its caller is told of. @param during what was done, for the log */
export function problemFor(error: unknown, during: string, log: Log): HttpProblem {
  return problemOf(error) ?? unforeseen(error, during, log);
}

function unforeseen(error: unknown, during: string, log: Log): HttpProblem {
  log.error(`${during} failed`, { error });
  return new HttpProblem("INTERNAL", "something went wrong inside the sidecar; its log says what");
}

function send(response: Response, status: number, type: string, body: unknown): void {
  if (response.destroyed) return;
  // The newline is for people at a terminal.
  const payload = Buffer.from(`${JSON.stringify(body)}\n`);
  response.writeHead(status, { "content-type": type, "content-length": payload.length });
  response.end(payload);
}
