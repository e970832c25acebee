import { consoleCalls } from "./console-calls.js";
import { leaseCalls } from "./lease-calls.js";
import { operationCalls } from "./operation-calls.js";
import { semaphoreCalls } from "./semaphore-calls.js";
import { streamCalls } from "./stream-calls.js";

/**
 * Every call of the HTTP face, by the name of its operation. Routing, validation, scopes and `/openapi.json` go by this
 * table; what is not in it cannot be called.
 */
export const calls = { ...semaphoreCalls, ...leaseCalls, ...streamCalls, ...operationCalls, ...consoleCalls };
