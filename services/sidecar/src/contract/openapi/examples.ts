import type { AcquireAnswer, AcquireBody, DefinitionBody, Problem, RenewBody } from "@sluice/client/shapes";
import { HttpProblem } from "../../http/problem.js";

export const acquire: AcquireBody = { limit: 10, waitMs: 5_000, holder: "worker-7" };

export const lease: AcquireAnswer = {
  lease: "n0v3LrZ1sBq4yT6wXk2JdA",
  semaphore: "openai",
  permits: 1,
  fence: 1_753_000_000_000_000,
  leaseMs: 10_000,
  expiresInMs: 9_998,
  waitedMs: 12,
  limit: 10,
};

export const renew: RenewBody = { leases: [lease.lease] };

/** As the acquire answered it. */
export const claim: RenewBody = { leases: [lease] };

export const definition: DefinitionBody = { limit: 10, leaseMs: 10_000, maxWaiters: 1_000 };

export const problem: Problem = new HttpProblem(
  "ACQUIRE_TIMEOUT",
  '"openai" had no free permit within 5000 ms (limit 10)',
  { limit: 10, "violated-policies": ["openai"] },
).toJSON();
