import type { ProblemCode } from "@sluice/client/shapes";
import { HttpProblem } from "../../http/problem.js";
import { meanings } from "./meanings.js";

type Json = Readonly<Record<string, unknown>>;

const text = { type: "string" };

/** What some problems say in headers, too. `Retry-After` goes by the problem itself. */
const headers: Readonly<Partial<Record<ProblemCode, Json>>> = {
  ACQUIRE_TIMEOUT: { "RateLimit-Policy": text },
  QUEUE_FULL: { "RateLimit-Policy": text },
  UNAUTHENTICATED: { "WWW-Authenticate": text },
  METHOD_NOT_ALLOWED: { Allow: text },
  UPGRADE_REQUIRED: { Upgrade: { type: "string", const: "websocket" } },
};

/** A response for each status that these problems have. */
export function problemResponses(codes: readonly ProblemCode[]): Record<string, Json> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = new HttpProblem(code, "");
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, among]) => [String(status), responseOf(among)]));
}

/** The response that any of these problems is, which have one status. */
function responseOf(codes: readonly ProblemCode[]): Json {
  const schema = {
    allOf: [{ $ref: "#/components/schemas/Problem" }],
    properties: { code: { enum: codes } },
  };
  return {
    description: codes.map((code) => `\`${code}\`: ${meanings[code]}`).join("\n\n"),
    headers: headersOf(codes),
    content: { "application/problem+json": { schema } },
  };
}

/** A header is certain where each of the problems has it. */
function headersOf(codes: readonly ProblemCode[]): Json {
  const sets = codes.map(headersOfProblem);
  const names = new Set(sets.flatMap((set) => Object.keys(set)));
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      { required: sets.every((set) => name in set), schema: sets.find((set) => name in set)?.[name] },
    ]),
  );
}

function headersOfProblem(code: ProblemCode): Json {
  const retries = "retry-after" in new HttpProblem(code, "").allHeaders();
  return { ...(retries && { "Retry-After": { type: "integer", minimum: 0 } }), ...headers[code] };
}
