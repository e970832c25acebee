/**
 * Where a task stands.
 * - waiting: it has no permit yet
 * - calling: it holds a permit, and the upstream works on it
 * - refused: it holds a permit, got a 429, and waits for as long as it was told
 * - done: the upstream has answered
 * - failed: it was given up
 */
export type TaskState = "waiting" | "calling" | "refused" | "done" | "failed";

/** What an app process tells its parent. Tasks are numbered from 1. */
export type AppReport =
  | { readonly event: "ready" }
  | { readonly event: "task"; readonly task: number; readonly state: TaskState; readonly reason?: string };
