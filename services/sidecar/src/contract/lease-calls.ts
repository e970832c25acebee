import {
  acquireAnswer,
  acquireBody,
  idempotencyKey,
  leasePath,
  noQuery,
  releaseAnswer,
  releaseBody,
  renewAnswer,
  renewBody,
  semaphorePath,
} from "@sluice/client/shapes";
import { type Call, json } from "./call.js";
import { grantProblems, storeProblems } from "./store-problems.js";

const base = "/v1/semaphores/{name}";

/** What concerns leases. */
export const leaseCalls = {
  acquire: {
    method: "POST",
    path: `${base}/acquire`,
    summary: "Acquire permits",
    description:
      "Answers when they are granted, or when `waitMs` is over. Keep the connection while you wait: a caller that hangs " +
      "up leaves the queue, and a grant that was on its way is given back. With an `Idempotency-Key` the request can " +
      "be sent again, also to another sidecar: it is the same acquire, keeps its place, and gets the same lease.",
    scope: "use",
    params: semaphorePath,
    query: noQuery,
    headers: { "Idempotency-Key": idempotencyKey.optional() },
    body: acquireBody,
    answers: { 200: { description: "The lease. Renew it in time.", content: json(acquireAnswer) } },
    problems: grantProblems,
  },
  renew: {
    method: "POST",
    path: `${base}/renew`,
    summary: "Renew leases",
    description:
      "Answers for each lease by itself, in their order. A lease that is given whole, as its acquire answered it, is " +
      "claimed: a store that lost it in a restart restores it.",
    scope: "use",
    params: semaphorePath,
    query: noQuery,
    body: renewBody,
    answers: { 200: { description: "What became of each.", content: json(renewAnswer) } },
    problems: storeProblems,
  },
  release: {
    method: "POST",
    path: `${base}/release`,
    summary: "Release a lease",
    scope: "use",
    params: semaphorePath,
    query: noQuery,
    body: releaseBody,
    answers: { 200: { description: "Whether it was held until now.", content: json(releaseAnswer) } },
    problems: storeProblems,
  },
  revoke: {
    method: "DELETE",
    path: `${base}/leases/{lease}`,
    summary: "Revoke a lease",
    description:
      "Its holder is told, and cannot renew it. Its permits come back when the holder releases it, or when it would " +
      "have lapsed.",
    scope: "operate",
    params: leasePath,
    query: noQuery,
    answers: { 204: { description: "It is revoked." } },
    problems: ["LEASE_UNKNOWN", ...storeProblems],
  },
} as const satisfies Record<string, Call>;
