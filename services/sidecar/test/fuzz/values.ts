import fc from "fast-check";
import { z } from "zod";

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Fields are mostly of a few values, so that requests meet each other at the same semaphores and leases. */
const usual: Readonly<Record<string, readonly unknown[]>> = {
  name: ["api", "idle", "none", "a:b", "x-1", "x-2", "x-3", "x-4", "x-5", "x-6", "x-7", "x-8", "x-9"],
  semaphore: ["api", "idle", "none", "x-1", "x-2", "x-3"],
  limit: [0, 1, 2, 5],
  permits: [1, 1, 2, 3],
  leaseMs: [100, 200, 500],
  maxWaiters: [0, 1, 5],
  id: [1, 2, 3, "one"],
  request: [1, 2, 3, "one"],
  idempotencyKey: ["k1", "k2", "k3"],
  "Idempotency-Key": ["k1", "k2", "k3"],
};

/** Nobody waits for minutes. */
const waits = fc.constantFrom(0, 0, 1, 50);

const oddValues: readonly unknown[] = [
  null,
  true,
  "",
  " ",
  "\u0000",
  "\ud800",
  "x".repeat(300),
  "__proto__",
  -1,
  0,
  0.5,
  1e21,
  -0,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  [],
  {},
  [null],
  { toString: 1, valueOf: null },
];

const oddKeys = ["__proto__", "constructor", "toString", "unknown", "id", "", "LIMIT"];

/**
 * Values that a schema describes. @param known more usual values, e.g. the ids of leases that are held
 */
export function valuesOf(
  schema: z.ZodType,
  known: Readonly<Record<string, readonly unknown[]>> = {},
): fc.Arbitrary<unknown> {
  return described(z.toJSONSchema(schema, { io: "input" }), { ...usual, ...known });
}

function described(schema: JsonSchema, known: typeof usual, field = ""): fc.Arbitrary<unknown> {
  const { type, anyOf, oneOf } = schema;
  const choices = anyOf ?? oneOf;
  const common = known[field];
  const inner = (part: JsonSchema) => described(part, known);
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => inner(choice as JsonSchema)));
  if (field === "waitMs") return waits;
  if (schema.const !== undefined) return fc.constant(schema.const);
  const any = type === "object" ? objectOf(schema, known) : ofType(schema, inner);
  if (common === undefined) return any;
  return fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...common) }, { weight: 1, arbitrary: any });
}

function objectOf(
  { properties = {}, required = [] }: JsonSchema,
  known: typeof usual,
): fc.Arbitrary<unknown> {
  const fields = Object.entries(properties).map(([name, part]) => [
    name,
    described(part as JsonSchema, known, name),
  ]);
  return fc.record<Fields>(Object.fromEntries(fields), { requiredKeys: [...required] });
}

function ofType(
  schema: JsonSchema,
  inner: (part: JsonSchema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const { type, pattern, minimum = 0, maximum = 2 ** 31, items, minItems = 0 } = schema;
  switch (type) {
    case "integer":
      return fc.integer({ min: minimum, max: maximum });
    case "array":
      return fc.array(inner(items as JsonSchema), { minLength: minItems, maxLength: 5 });
    case "string":
      return pattern?.includes("\\p{") ? fc.constantFrom("worker-1", "ä…", "a b") : matching(pattern);
    default:
      throw new Error(`no values are known of ${JSON.stringify(schema)}`);
  }
}

function matching(pattern: string | undefined): fc.Arbitrary<string> {
  return pattern === undefined ? fc.string() : fc.stringMatching(new RegExp(pattern), { size: "xsmall" });
}

/** Values with one thing wrong with them, more often than not. */
export function nearly(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.record({
    at: fc.nat(),
    how: fc.constantFrom("replace", "remove", "add", "wrap"),
    odd: fc.oneof(fc.constantFrom(...oddValues), fc.jsonValue({ maxDepth: 2 })),
    key: fc.constantFrom(...oddKeys),
  });
  return fc.tuple(values, change).map(([value, { at, how, odd, key }]) => {
    const copy = structuredClone({ value });
    const [holder, name] = placesIn(copy)[at % placesIn(copy).length] as Place;
    if (how === "replace") put(holder, name, odd);
    else if (how === "remove") delete holder[name];
    else if (how === "wrap") put(holder, name, [holder[name]]);
    else
      put(
        typeof holder[name] === "object" && holder[name] !== null ? (holder[name] as Fields) : holder,
        key,
        odd,
      );
    return copy.value;
  });
}

type Fields = Record<string, unknown>;
type Place = [holder: Fields, name: string];

/** Also under names that mean something else to an assignment. Nobody waits for minutes here either. */
function put(holder: Fields, name: string, odd: unknown): void {
  const value = name === "waitMs" && typeof odd === "number" ? -odd : odd;
  Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
}

function placesIn(holder: Fields): Place[] {
  return Object.keys(holder).flatMap((name): Place[] => {
    const inner = holder[name];
    const deeper = typeof inner === "object" && inner !== null ? placesIn(inner as Fields) : [];
    return [[holder, name], ...deeper];
  });
}
