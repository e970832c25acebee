import type { Problem } from "./shapes/problem.js";

/** The sidecar understood the request and answered with a problem. */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}
