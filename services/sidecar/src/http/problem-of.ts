import { InvalidArgumentError, RecoveringError, SluiceError } from "@sluice/core";
import { HttpProblem } from "./problem.js";

/** The problem that an error stands for; undefined for one that nobody has foreseen. */
export function problemOf(error: unknown): HttpProblem | undefined {
  if (error instanceof HttpProblem) return error;
  if (error instanceof InvalidArgumentError) return invalid(error.argument, error.message);
  if (error instanceof RecoveringError) {
    return new HttpProblem(error.code, error.message, { retryAfterMs: error.retryAfterMs });
  }
  if (error instanceof SluiceError) return new HttpProblem(error.code, error.message);
  return problemOfRequest(error);
}

export function invalid(argument: string, detail: string): HttpProblem {
  return new HttpProblem("INVALID_ARGUMENT", detail, { errors: [{ argument, detail }] });
}

/** What Express and its body parser throw about a request that they cannot read. */
function problemOfRequest(error: unknown): HttpProblem | undefined {
  const { type, status, limit } = (error ?? {}) as { type?: string; status?: number; limit?: number };
  if (error instanceof URIError)
    return invalid("path", "the path must be encoded as a URL; it could not be decoded");
  switch (type) {
    case "entity.parse.failed":
      return invalid("body", `the body must be JSON; ${(error as Error).message}`);
    case "entity.too.large":
      return new HttpProblem("BODY_TOO_LARGE", `the body must be at most ${limit} bytes`);
    case "charset.unsupported":
    case "encoding.unsupported":
      return new HttpProblem("UNSUPPORTED_MEDIA_TYPE", "the body must be JSON in UTF-8, not compressed");
    default:
      return status === 400 ? invalid("request", (error as Error).message) : undefined;
  }
}
