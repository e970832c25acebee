import type { Duplex } from "node:stream";
import type { HttpProblem } from "./problem.js";

/** A peer that does not close its end is not waited for. */
const CLOSE_PATIENCE_MS = 1_000;

/** Answers, and ends, a connection that Express does not get to see: nobody else would. */
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
  stream.once("finish", () => stream.destroy());
  setTimeout(() => stream.destroy(), CLOSE_PATIENCE_MS).unref();
  stream.end(`HTTP/1.1 ${problem.status} ${problem.toJSON().title}\r\n${lines.join("")}\r\n${body}`);
}
