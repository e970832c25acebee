import { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import type { Problem } from "@sluice/client/shapes";
import { problem } from "@sluice/client/shapes";

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Body;
}

export interface CallOptions {
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  readonly headers?: OutgoingHttpHeaders;
  /** Hangs up. */
  readonly signal?: AbortSignal;
}

/** One request over a connection of its own. */
export function call<Body = Record<string, unknown>>(
  url: string,
  method: string,
  path: string,
  { body, headers, signal }: CallOptions = {},
): Promise<Answer<Body>> {
  const payload = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${url}${path}`,
      {
        method,
        agent: false,
        headers: { ...(payload !== undefined && { "content-type": "application/json" }), ...headers },
        ...(signal && { signal }),
      },
      (response) => {
        read<Body>(response).then(resolve, reject);
      },
    );
    outgoing.once("error", reject);
    outgoing.end(payload);
  });
}

async function read<Body>(response: IncomingMessage): Promise<Answer<Body>> {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  const { headers, statusCode: status = 0 } = response;
  const isJson = /json/.test(headers["content-type"] ?? "") && text !== "";
  return { status, headers, text, body: isJson ? JSON.parse(text) : {} };
}

/** The problem that an answer holds, which has the form that every problem has. */
export function problemIn({ status, headers, body }: Answer): Problem {
  if (headers["content-type"] !== "application/problem+json") {
    throw new Error(`${status} with ${headers["content-type"]} is no problem: ${JSON.stringify(body)}`);
  }
  const parsed = problem.strict().parse(body);
  if (parsed.status !== status) throw new Error(`a problem of ${parsed.status} was sent as ${status}`);
  return parsed;
}
