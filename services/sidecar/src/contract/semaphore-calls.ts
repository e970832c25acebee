import {
  definitionBody,
  listAnswer,
  noQuery,
  pageQuery,
  resizeBody,
  semaphorePath,
  snapshotAnswer,
} from "@sluice/client/shapes";
import { type Call, json } from "./call.js";
import { storeProblems } from "./store-problems.js";

const path = "/v1/semaphores/{name}";
const snapshot = json(snapshotAnswer);

/** What concerns semaphores and their definitions. */
export const semaphoreCalls = {
  listSemaphores: {
    method: "GET",
    path: "/v1/semaphores",
    summary: "List semaphores",
    description: "In the order of their names, without leases and waiters.",
    scope: "read",
    query: pageQuery,
    answers: { 200: { description: "A page of them.", content: json(listAnswer) } },
    problems: storeProblems,
  },
  getSemaphore: {
    method: "GET",
    path,
    summary: "Look at a semaphore",
    description:
      "With a page of its leases and waiters. The ids of leases are shown to tokens with the scope `operate` alone: " +
      "whoever knows one can release the lease.",
    scope: "read",
    params: semaphorePath,
    query: pageQuery,
    answers: { 200: { description: "How it is now.", content: snapshot } },
    problems: ["SEMAPHORE_UNKNOWN", ...storeProblems],
  },
  defineSemaphore: {
    method: "PUT",
    path,
    summary: "Define a semaphore",
    description:
      "Replaces the whole definition; what is left out takes its default. The semaphore stays until it is deleted. " +
      "A lower limit takes no lease away.",
    scope: "operate",
    params: semaphorePath,
    query: noQuery,
    body: definitionBody,
    answers: {
      200: { description: "There was one; how it is now.", content: snapshot },
      201: { description: "It is new.", content: snapshot },
    },
    problems: storeProblems,
  },
  resizeSemaphore: {
    method: "PATCH",
    path,
    summary: "Change a limit",
    description: "The limit alone. 0 pauses: everybody queues, nobody fails.",
    scope: "operate",
    params: semaphorePath,
    query: noQuery,
    body: resizeBody,
    answers: { 200: { description: "How the semaphore is now.", content: snapshot } },
    problems: ["SEMAPHORE_UNKNOWN", ...storeProblems],
  },
  deleteSemaphore: {
    method: "DELETE",
    path,
    summary: "Delete a semaphore",
    description: "One that holds leases cannot be deleted. Its waiters ask again, as if they came now.",
    scope: "operate",
    params: semaphorePath,
    query: noQuery,
    answers: { 204: { description: "It is gone." } },
    problems: ["SEMAPHORE_UNKNOWN", "SEMAPHORE_IN_USE", ...storeProblems],
  },
} as const satisfies Record<string, Call>;
