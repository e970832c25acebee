import { calls } from "../calls.js";
import { operationOf } from "./operation.js";
import { namedSchemas } from "./schemas.js";
import { sessionDescription } from "./session.js";

type Json = Readonly<Record<string, unknown>>;

const description = `
One permit count for a whole fleet: acquire permits of a named semaphore, renew and release them.

Durations are whole milliseconds and named \`…Ms\`. Every error is \`application/problem+json\` (RFC 9457) with a \`code\`
that never changes its meaning. A path that does not exist is answered with \`NOT_FOUND\`, a method that its path does
not take with \`METHOD_NOT_ALLOWED\`. Answers may get more fields in later releases: leave alone what you do not know.

Each call names the scope that its token must have; \`operate\` includes \`use\` and \`read\`. Where no token is configured,
callers need none.
`.trim();

/** The HTTP face in the form of OpenAPI 3.1, made of the table and the schemas that serve it. */
export function openapiDocument(version: string): Json {
  return {
    openapi: "3.1.0",
    info: { title: "Sluice", version, description, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: "/" }],
    paths: paths(),
    components: {
      schemas: namedSchemas(),
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
    "x-sluice-session": sessionDescription,
  };
}

function paths(): Record<string, Json> {
  const byPath: Record<string, Json> = {};
  for (const [operationId, call] of Object.entries(calls)) {
    const operation = operationOf(operationId, call);
    byPath[call.path] = { ...byPath[call.path], [call.method.toLowerCase()]: operation };
  }
  return byPath;
}
