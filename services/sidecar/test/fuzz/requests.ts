import fc from "fast-check";
import type { z } from "zod";
import type { Call } from "../../src/contract/call.js";
import { calls } from "../../src/contract/calls.js";
import { nearly, valuesOf } from "./values.js";

/** A request, of which it is known whether the sidecar has to refuse it. */
export interface Shot {
  readonly name: keyof typeof calls;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly isValid: boolean;
}

type Parts = { params: Fields; query: Fields; headers: Fields; body: unknown };
type Fields = Readonly<Record<string, unknown>>;

/** Requests of every call, which are right, or nearly so. @param leases ids of leases that are held */
export function shots(leases: readonly string[]): fc.Arbitrary<Shot> {
  const names = Object.keys(calls) as (keyof typeof calls)[];
  return fc.oneof(
    ...names.map((name) => ({ weight: weightOf(calls[name]), arbitrary: shotsAt(name, leases) })),
  );
}

/** What changes something is tried more often than what looks. */
function weightOf({ body, params }: Call): number {
  if (body !== undefined) return 6;
  return params === undefined ? 1 : 3;
}

function shotsAt(name: keyof typeof calls, leases: readonly string[]): fc.Arbitrary<Shot> {
  const call: Call = calls[name];
  const known = { lease: leases };
  const part = (schema: z.ZodType | undefined) => {
    if (schema === undefined) return fc.constant({});
    const right = valuesOf(schema, known);
    return fc.oneof({ weight: 4, arbitrary: right }, { weight: 1, arbitrary: nearly(right) });
  };
  const headers = Object.fromEntries(
    Object.entries(call.headers ?? {}).map(([header, schema]) => [header, part(schema)]),
  );
  const parts = fc.record({
    params: part(call.params) as fc.Arbitrary<Fields>,
    query: part(call.query) as fc.Arbitrary<Fields>,
    headers: fc.record(headers, { requiredKeys: [] }),
    body: part(call.body),
  });
  return parts.map((made) => shotOf(name, made));
}

function shotOf(name: keyof typeof calls, parts: Parts): Shot {
  const call: Call = calls[name];
  const params = inPath(call, textsOf(parts.params));
  const query = textsOf(parts.query);
  const headers = sendable(textsOf(parts.headers));
  const body = call.body && JSON.stringify(parts.body ?? null);
  const fills = (path: string, [field, text]: [string, string]) =>
    path.replace(`{${field}}`, () => encodeURIComponent(text));
  const path = Object.entries(params).reduce(fills, call.path);
  const search = Object.entries(query).map(
    ([field, text]) => `${encodeURIComponent(field)}=${encodeURIComponent(text)}`,
  );
  return {
    name,
    method: call.method,
    path: search.length > 0 ? `${path}?${search.join("&")}` : path,
    headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
    body,
    isValid: isValid(call, { params, query, headers, body: body && JSON.parse(body) }),
  };
}

function isValid(call: Call, { params, query, headers, body }: Parts): boolean {
  const suits = (schema: z.ZodType | undefined, value: unknown) => schema?.safeParse(value).success ?? true;
  const heads = Object.entries(call.headers ?? {});
  return (
    suits(call.params, params) &&
    suits(call.query, query) &&
    suits(call.body, body) &&
    heads.every(([header, schema]) => suits(schema, headers[header]))
  );
}

/** What there is a place for. */
function inPath({ path }: Call, fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([field]) => path.includes(`{${field}}`)));
}

/** A path and a query hold texts, and each of them at least something. */
function textsOf(fields: Fields): Record<string, string> {
  const entries = typeof fields === "object" && fields !== null ? Object.entries(fields) : [];
  return Object.fromEntries(entries.map(([name, value]) => [name, wellFormed(textOf(value))]));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** No half of a surrogate pair, which has no encoding. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/**
 * What Node's own client agrees to send; what it does not is for the tests of raw bytes. Spaces around the value of a
 * header are none of it.
 */
function sendable(headers: Readonly<Record<string, string>>): Record<string, string> {
  const trimmed = Object.entries(headers).map(([name, text]) => [name, text.trim()] as const);
  return Object.fromEntries(trimmed.filter(([, text]) => /^[\x20-\x7e]+$/.test(text)));
}
