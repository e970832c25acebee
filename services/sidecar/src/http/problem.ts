import { STATUS_CODES } from "node:http";
import type { Problem, ProblemCode } from "@sluice/client/shapes";

interface Row {
  readonly status: number;
  /** Where waiting helps: the seconds of `Retry-After`, unless the problem knows better. */
  readonly retryAfterS?: number;
  readonly type?: string;
}

/** Registered by draft-ietf-httpapi-ratelimit-headers for whoever asks for more than a policy allows. */
const quotaExceeded = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/** Every code has its row: a new one does not compile without. */
const rows: Readonly<Record<ProblemCode, Row>> = {
  INVALID_ARGUMENT: { status: 400 },
  UNAUTHENTICATED: { status: 401 },
  FORBIDDEN: { status: 403 },
  NOT_FOUND: { status: 404 },
  SEMAPHORE_UNKNOWN: { status: 404 },
  LEASE_UNKNOWN: { status: 404 },
  METHOD_NOT_ALLOWED: { status: 405 },
  SEMAPHORE_IN_USE: { status: 409 },
  LEASE_LOST: { status: 409 },
  REQUEST_SUPERSEDED: { status: 409 },
  BODY_TOO_LARGE: { status: 413 },
  UNSUPPORTED_MEDIA_TYPE: { status: 415 },
  PERMITS_EXCEED_LIMIT: { status: 422 },
  REQUEST_REUSED: { status: 422 },
  UPGRADE_REQUIRED: { status: 426 },
  TOO_MANY_REQUESTS: { status: 429, retryAfterS: 1 },
  ACQUIRE_TIMEOUT: { status: 429, retryAfterS: 1, type: quotaExceeded },
  QUEUE_FULL: { status: 429, retryAfterS: 1, type: quotaExceeded },
  INTERNAL: { status: 500 },
  STORE_INCOMPATIBLE: { status: 502 },
  ACQUIRE_ABORTED: { status: 503, retryAfterS: 1 },
  RECOVERING: { status: 503, retryAfterS: 1 },
  STORE_UNAVAILABLE: { status: 503, retryAfterS: 1 },
};

/** The members of a problem that only some codes have. */
export type Members = Omit<Problem, "type" | "title" | "status" | "detail" | "code">;

/** Thrown by whatever serves a request; the caller gets it as `application/problem+json` (RFC 9457). */
export class HttpProblem extends Error {
  readonly code: ProblemCode;
  readonly members: Members;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    members: Members = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = "HttpProblem";
    this.code = code;
    this.members = members;
    this.headers = headers;
  }

  get status(): number {
    return rows[this.code].status;
  }

  /** `Retry-After` is in whole seconds, and never too early. */
  allHeaders(): Record<string, string> {
    const { retryAfterMs } = this.members;
    const seconds =
      retryAfterMs === undefined ? rows[this.code].retryAfterS : Math.ceil(retryAfterMs / 1_000);
    return { ...(seconds !== undefined && { "retry-after": String(seconds) }), ...this.headers };
  }

  toJSON(): Problem {
    const { status, type = "about:blank" } = rows[this.code];
    return {
      type,
      title: STATUS_CODES[status] ?? "Error",
      status,
      detail: this.message,
      code: this.code,
      ...this.members,
    };
  }
}
