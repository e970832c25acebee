import {
  acquireBody,
  acquiredAnswer,
  feedEvents,
  holdLine,
  idempotencyKey,
  noQuery,
  SUBPROTOCOL,
  semaphorePath,
} from "@sluice/client/shapes";
import type { Call } from "./call.js";
import { grantProblems } from "./store-problems.js";

/** What lasts for as long as its connection. */
export const streamCalls = {
  hold: {
    method: "POST",
    path: "/v1/semaphores/{name}/hold",
    summary: "Hold a lease for as long as the connection lasts",
    description:
      "As an acquire, but the sidecar renews the lease, and the end of the connection releases it. The first line is " +
      "the lease; now and then a line says for how long it is confirmed.",
    scope: "use",
    params: semaphorePath,
    query: noQuery,
    headers: { "Idempotency-Key": idempotencyKey.optional() },
    body: acquireBody,
    answers: {
      200: {
        description: "The lease is held until the connection ends.",
        content: { type: "application/x-ndjson", lines: [acquiredAnswer, holdLine] },
      },
    },
    problems: grantProblems,
  },
  session: {
    method: "GET",
    path: "/v1/session",
    summary: "Open a session",
    description:
      `One WebSocket for a whole process, with the subprotocol \`${SUBPROTOCOL}\` and JSON in text messages: ` +
      "`x-sluice-session` describes them. The sidecar renews the leases of a session; they end soon after it.",
    scope: "use",
    query: noQuery,
    answers: {
      101: {
        description: "The session is open.",
        headers: { Upgrade: "websocket", "Sec-WebSocket-Protocol": SUBPROTOCOL },
      },
    },
    problems: ["UPGRADE_REQUIRED", "TOO_MANY_REQUESTS", "STORE_UNAVAILABLE"],
  },
  events: {
    method: "GET",
    path: "/v1/events",
    summary: "Watch the semaphores",
    description:
      "First who the caller is and what it may do, then all semaphores, then once a second what has changed. A listener " +
      "that does not read is cut off; comments keep quiet connections alive.",
    scope: "read",
    query: noQuery,
    answers: {
      200: { description: "Server-sent events.", content: { type: "text/event-stream", events: feedEvents } },
    },
    problems: ["STORE_UNAVAILABLE"],
  },
} as const satisfies Record<string, Call>;
