import type { Answer, Call, Content } from "../call.js";
import { problemsOf } from "../call.js";
import { problemResponses } from "./problem-responses.js";
import { parametersOf, schemaOf } from "./schemas.js";

type Json = Readonly<Record<string, unknown>>;

/** One call, as an Operation Object. */
export function operationOf(operationId: string, call: Call): Json {
  return {
    operationId,
    summary: call.summary,
    ...(call.description !== undefined && { description: call.description }),
    // OpenAPI 3.1 lets any scheme name the roles that a call takes.
    security: call.scope === "none" ? [] : [{ bearer: [call.scope] }],
    parameters: parametersOfCall(call),
    ...(call.body !== undefined && {
      requestBody: { required: true, content: { "application/json": { schema: schemaOf(call.body) } } },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(call.answers).map(([status, answer]) => [status, responseOf(answer)]),
      ),
      ...problemResponses(problemsOf(call)),
    },
  };
}

function parametersOfCall({ params, query, headers = {} }: Call): Json[] {
  const inPath = params === undefined ? [] : parametersOf(params);
  const inQuery = query === undefined ? [] : parametersOf(query);
  return [
    ...inPath.map(([name, required, schema]) => ({ name, in: "path", required, schema })),
    ...inQuery.map(([name, required, schema]) => ({ name, in: "query", required, schema })),
    ...Object.entries(headers).map(([name, shape]) => ({
      name,
      in: "header",
      required: !shape.safeParse(undefined).success,
      schema: schemaOf(shape),
    })),
  ];
}

function responseOf({ description, content, headers = {} }: Answer): Json {
  return {
    description,
    headers: Object.fromEntries(
      Object.entries({ "Cache-Control": "no-store", ...headers }).map(([name, value]) => [
        name,
        { schema: { type: "string", const: value } },
      ]),
    ),
    ...(content !== undefined && { content: { [content.type]: mediaTypeOf(content) } }),
  };
}

/** What comes piece by piece has a schema for each piece, which OpenAPI 3.1 has no place for. */
function mediaTypeOf(content: Content): Json {
  switch (content.type) {
    case "application/json":
      return { schema: schemaOf(content.shape) };
    case "*/*":
      return {};
    case "text/plain":
    case "text/html":
      return { schema: { type: "string" } };
    case "application/x-ndjson":
      return { schema: { type: "string" }, "x-sluice-lines": content.lines.map(schemaOf) };
    case "text/event-stream":
      return {
        schema: { type: "string" },
        "x-sluice-events": Object.fromEntries(
          Object.entries(content.events).map(([name, shape]) => [name, schemaOf(shape)]),
        ),
      };
  }
}
