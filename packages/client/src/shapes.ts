/**
 * The shapes of the HTTP face, version 1: what a caller may send and what it gets, in one place. The sidecar validates
 * by them, and the types of both ends are inferred from them.
 */
export * from "./limits.js";
export * from "./shapes/answers.js";
export * from "./shapes/events.js";
export * from "./shapes/problem.js";
export * from "./shapes/requests.js";
export * from "./shapes/session.js";
