import type { Duplex } from "node:stream";
import type { HttpProblem } from "./problem.js";

/** Answers, and ends, a connection that Express does not get to see. */
export function answerByHand(stream: Duplex, problem: HttpProblem): void {
  const body = `${JSON.stringify(problem)}\n`;
  const headers = {
    ...problem.allHeaders(),
    "content-type": "application/problem+json",
    "content-length": String(Buffer.byteLength(body)),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  stream.end(`HTTP/1.1 ${problem.status} ${problem.toJSON().title}\r\n${lines.join("")}\r\n${body}`);
}
