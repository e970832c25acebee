import { namePattern } from "@sluice/core";
import type { RequestHandler } from "express";
import type { Caller } from "../access/caller.js";
import type { Log } from "../log.js";
import { factsOf } from "../request-facts.js";

/** One line for each request, once it has ended. */
export function logRequests(log: Log): RequestHandler {
  return (request, response, next) => {
    const arrivedAt = performance.now();
    response.once("close", () => {
      const durationMs = Math.round((performance.now() - arrivedAt) * 1_000) / 1_000;
      const caller = (response.locals.caller as Caller | undefined)?.name;
      const semaphore = nameIn(request.params);
      log.debug("request", {
        ...factsOf(request, response),
        durationMs,
        ...(caller !== undefined && { caller }),
        ...(semaphore !== undefined && { semaphore }),
      });
    });
    next();
  };
}

/** What stands in the place of a name may be anything; what is no name is not repeated. */
function nameIn({ name }: Readonly<Record<string, string | string[]>>): string | undefined {
  return typeof name === "string" && namePattern.test(name) ? name : undefined;
}
