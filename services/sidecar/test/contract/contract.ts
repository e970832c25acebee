import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";

type Json = Readonly<Record<string, unknown>>;

/** As much of a document as the tests read. */
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
  readonly "x-sluice-session": {
    readonly requests: Readonly<Record<string, { readonly message: Json; readonly answer: Json }>>;
    readonly refused: Json;
    readonly events: Readonly<Record<string, Json>>;
  };
}

interface Operation {
  readonly operationId: string;
  readonly security: readonly Json[];
  readonly requestBody?: Json;
  readonly responses: Readonly<Record<string, Response>>;
}

interface Response {
  readonly headers: Readonly<Record<string, { readonly required?: boolean; readonly schema: Json }>>;
  readonly content?: Readonly<Record<string, MediaType>>;
}

interface MediaType {
  /** Where bytes of any kind may come there is none. */
  readonly schema?: { readonly properties?: { readonly code?: { readonly enum: readonly string[] } } };
  readonly "x-sluice-lines"?: readonly Json[];
  readonly "x-sluice-events"?: Readonly<Record<string, Json>>;
}

export interface CalledOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly needsToken: boolean;
  readonly takesBody: boolean;
  /** Every answer that is documented: a status, or the code of a problem. */
  readonly answers: readonly string[];
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

/** A document that answers are held against. What it does not document is a fault. */
export class Contract {
  readonly operations: readonly CalledOperation[];
  readonly #document: Document;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #driven = new Set<string>();

  constructor(document: unknown) {
    this.#document = closed(document) as Document;
    this.#ajv.addSchema(this.#document, "document");
    this.operations = Object.entries(this.#document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => calledOf(method, path, operation)),
    );
  }

  operation(id: string): CalledOperation {
    const found = this.operations.find((operation) => operation.id === id);
    if (found === undefined) throw new Error(`there is no operation ${id}`);
    return found;
  }

  /** @throws Error where the answer is not as documented. Returns its code, or else its status. */
  check(id: string, { status, headers, body }: Answered): string {
    const response = this.#responseOf(id, status);
    for (const [name, { required = false, schema }] of Object.entries(response.headers)) {
      const value = headers[name.toLowerCase()];
      if (value === undefined && !required) continue;
      const isNumber = schema.type === "integer";
      this.#require(schema, isNumber ? Number(value) : value, `${id} ${status}, ${name}`);
    }
    const type = String(headers["content-type"] ?? "none").split(";")[0] ?? "";
    const content = response.content?.[type] ?? response.content?.["*/*"];
    if (response.content !== undefined && content === undefined)
      throw new Error(`${id} answered ${status} with ${type}`);
    if (content !== undefined && /[/+]json$/.test(type))
      this.#require(content.schema ?? true, body, `${id} ${status}`);
    const what = type === "application/problem+json" ? String((body as Json).code) : String(status);
    this.#driven.add(`${id} ${what}`);
    return what;
  }

  /** @throws Error where the value is no line number `index` of a stream of lines */
  checkLine(id: string, index: number, line: unknown): void {
    const schema = this.#mediaTypeOf(id, "application/x-ndjson")["x-sluice-lines"]?.[index];
    this.#require(schema ?? false, line, `${id}, line ${index}`);
  }

  checkEvent(id: string, name: string, data: unknown): void {
    const schema = this.#mediaTypeOf(id, "text/event-stream")["x-sluice-events"]?.[name];
    this.#require(schema ?? false, data, `${id}, event ${name}`);
  }

  checkRequest(op: string, { id, ok, ...answer }: Json, message: Json): void {
    const { message: request, answer: success } = this.#document["x-sluice-session"].requests[op] ?? {};
    this.#require(request ?? false, message, `message ${op}`);
    if (ok) this.#require(success ?? false, answer, `answer to ${op}`);
    else this.#require(this.#document["x-sluice-session"].refused, { id, ok, ...answer }, `refusal of ${op}`);
  }

  checkSessionEvent(event: Json): void {
    const schema = this.#document["x-sluice-session"].events[String(event.event)];
    this.#require(schema ?? false, event, `event ${event.event}`);
  }

  /** What is documented and was not seen. */
  get notDriven(): string[] {
    const documented = this.operations.flatMap(({ id, answers }) => answers.map((what) => `${id} ${what}`));
    return documented.filter((what) => !this.#driven.has(what));
  }

  /** Every schema of the document, made ready. @throws Error for one that is no JSON Schema */
  compileAll(): Map<string, ValidateFunction> {
    const names = Object.keys(this.#document.components.schemas);
    return new Map(names.map((name) => [name, this.#compile({ $ref: `#/components/schemas/${name}` })]));
  }

  examplesOf(name: string): readonly unknown[] {
    return (this.#document.components.schemas[name]?.examples ?? []) as unknown[];
  }

  #responseOf(id: string, status: number): Response {
    const { method, path } = this.operation(id);
    const response = this.#document.paths[path]?.[method.toLowerCase()]?.responses[status];
    if (response === undefined) throw new Error(`${id} answered ${status}, which is not documented`);
    return response;
  }

  #mediaTypeOf(id: string, type: string): MediaType {
    return this.#responseOf(id, 200).content?.[type] ?? { schema: {} };
  }

  #require(schema: Json | boolean, value: unknown, what: string): void {
    const validate = this.#compile(schema);
    if (validate(value)) return;
    const faults = this.#ajv.errorsText(validate.errors);
    throw new Error(`${what} is not as documented: ${faults}\n${JSON.stringify(value)}`);
  }

  /** References are within the document. */
  #compile(schema: Json | boolean): ValidateFunction {
    return this.#ajv.compile(
      JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document#/')),
    );
  }
}

function calledOf(method: string, path: string, operation: Operation): CalledOperation {
  return {
    id: operation.operationId,
    method: method.toUpperCase(),
    path,
    needsToken: operation.security.length > 0,
    takesBody: operation.requestBody !== undefined,
    answers: Object.entries(operation.responses).flatMap(([status, { content }]) => {
      const codes = content?.["application/problem+json"]?.schema?.properties?.code?.enum;
      return codes ?? [status];
    }),
  };
}

/** Clients are to leave alone what they do not know; in these tests it is a fault. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, closed(inner)]));
  const isOpenObject =
    entries.type === "object" && "properties" in entries && !("additionalProperties" in entries);
  return isOpenObject ? { ...entries, additionalProperties: false } : entries;
}
