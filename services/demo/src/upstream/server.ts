import { createServer, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface UpstreamOptions {
  /** How many calls are worked on at once; 429 to anything beyond. */
  readonly limit: number;
  /** How long a call takes. */
  readonly taskMs: number;
}

/** What the upstream itself has seen since it started. */
export interface UpstreamStats {
  readonly limit: number;
  /** Calls that are worked on now, never more than `limit`. */
  readonly running: number;
  /** The most calls that were open at one moment, those that were about to be refused among them. */
  readonly highest: number;
  /** Calls answered 429. */
  readonly refused: number;
  /** Tasks answered 200; a task that was called twice counts once. */
  readonly completed: number;
}

type Pause = (ms: number) => Promise<unknown>;

/**
 * How long a refusal takes, about a round trip over the internet. An instant one would hide how many calls
 * were open at once: each would be gone before the next is read.
 */
const REFUSAL_MS = 50;

/**
 * An API that takes `taskMs` for `POST /tasks/{id}` and works on `limit` of them at once. `GET /stats` tells what
 * it saw. A 429 says when to come back: `Retry-After` in seconds, as the standard has it, and `retry-after-ms`,
 * as several providers send, since a second is long for a short task.
 *
 * @param pause - waits for the given milliseconds
 */
export function createUpstream({ limit, taskMs }: UpstreamOptions, pause: Pause = sleep): Server {
  const completed = new Set<string>();
  let running = 0;
  let refusing = 0;
  let highest = 0;
  let refused = 0;

  async function work(task: string, response: ServerResponse): Promise<void> {
    running += 1;
    highest = Math.max(highest, running + refusing);
    await pause(taskMs);
    // Before the answer: a caller that has read it may pass its permit on at once.
    running -= 1;
    completed.add(task);
    answer(response, 200, { task });
  }

  async function refuse(response: ServerResponse): Promise<void> {
    refused += 1;
    refusing += 1;
    highest = Math.max(highest, running + refusing);
    await pause(REFUSAL_MS);
    refusing -= 1;
    response.setHeader("Retry-After", Math.ceil(taskMs / 1_000));
    response.setHeader("retry-after-ms", taskMs);
    answer(response, 429, { error: `more than ${limit} calls at once` });
  }

  return createServer((request, response) => {
    request.resume();
    const stats: UpstreamStats = { limit, running, highest, refused, completed: completed.size };
    if (request.method === "GET" && request.url === "/stats") return answer(response, 200, stats);
    const task = request.method === "POST" ? /^\/tasks\/([\w-]+)$/.exec(request.url ?? "")?.[1] : undefined;
    if (task === undefined) return answer(response, 404, { error: "POST /tasks/{id} or GET /stats" });
    void (running < limit ? work(task, response) : refuse(response));
  });
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}
