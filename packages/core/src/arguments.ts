import { bounds, holderPattern, namePattern, type Range } from "./bounds.js";
import { InvalidArgumentError } from "./errors.js";
import type { AcquireOptions, SemaphoreOptions, TryAcquireOptions } from "./options.js";
import type { Page, Store } from "./store.js";

/**
 * What callers of a semaphore hand in is checked here, once, at the edge; nothing behind it checks again.
 * Every function throws an InvalidArgumentError that names the argument, what was expected, and what came.
 */
type Check = (argument: string, value: unknown, maxLeaseMs: number) => void;

/** One check for each option: an option without a check does not compile, one without a row is refused. */
export type Checks<Options> = { readonly [Name in keyof Required<Options>]: Check };

const integerIn =
  (range: Range): Check =>
  (argument, value) =>
    requireInteger(argument, value, range);

export const tryAcquireChecks: Checks<TryAcquireOptions> = {
  permits: integerIn(bounds.permits),
  priority: integerIn(bounds.priority),
  leaseMs: requireLeaseMs,
  holder: requireHolder,
  signal: requireSignal,
};

export const acquireChecks: Checks<AcquireOptions> = { ...tryAcquireChecks, waitMs: requireWaitMs };

const semaphoreChecks: Checks<SemaphoreOptions> = {
  limit: integerIn(bounds.limit),
  leaseMs: requireLeaseMs,
  maxWaiters: integerIn(bounds.maxWaiters),
  holder: requireHolder,
  redefine: requireBoolean,
};

const pageChecks: Checks<Page> = { pageSize: integerIn(bounds.pageSize), cursor: requireString };

const storeMembers: { readonly [Name in keyof Store]: "number" | "function" } = {
  maxLeaseMs: "number",
  acquire: "function",
  release: "function",
  renew: "function",
  claim: "function",
  define: "function",
  resize: "function",
  remove: "function",
  revoke: "function",
  inspect: "function",
  list: "function",
  ping: "function",
  observe: "function",
  close: "function",
};

/** Every option of `options` is a known one, and undefined or what its check accepts. */
export function requireOptions<Options>(
  options: Options,
  checks: Checks<Options>,
  maxLeaseMs = Number.POSITIVE_INFINITY,
): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new InvalidArgumentError("options", "an object", options);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) {
      throw new InvalidArgumentError(
        `options.${name}`,
        `left out (options: ${Object.keys(checks).join(", ")})`,
        value,
      );
    }
    if (value !== undefined) checks[name as keyof Options](name, value, maxLeaseMs);
  }
}

export function requireSemaphoreOptions(options: SemaphoreOptions, maxLeaseMs: number): void {
  requireOptions(options, semaphoreChecks, maxLeaseMs);
  if (options.limit !== undefined) return;
  const { maxWaiters, redefine } = options;
  if (maxWaiters !== undefined)
    throw new InvalidArgumentError("maxWaiters", "given together with limit", maxWaiters);
  if (redefine) throw new InvalidArgumentError("redefine", "given together with limit", redefine);
}

export function requirePage(page: Page): void {
  requireOptions(page, pageChecks);
}

export function requireStore(store: Store): void {
  const looksRight =
    typeof store === "object" &&
    store !== null &&
    Object.entries(storeMembers).every(([name, type]) => typeof store[name as keyof Store] === type);
  if (!looksRight)
    throw new InvalidArgumentError("store", "a Store, such as memoryStore() or redisStore(url)", store);
}

export function requireName(name: string): void {
  if (typeof name === "string" && namePattern.test(name)) return;
  throw new InvalidArgumentError("name", `a string that matches ${namePattern.source}`, name);
}

export function requireFunction(argument: string, value: unknown): void {
  if (typeof value !== "function") throw new InvalidArgumentError(argument, "a function", value);
}

export function requireInteger(argument: string, value: unknown, { min, max }: Range): void {
  if (Number.isInteger(value) && within(value as number, { min, max })) return;
  throw new InvalidArgumentError(argument, `an integer from ${min} to ${max}`, value);
}

function requireLeaseMs(argument: string, value: unknown, maxLeaseMs: number): void {
  requireInteger(argument, value, bounds.leaseMs);
  if ((value as number) <= maxLeaseMs) return;
  throw new InvalidArgumentError(argument, `at most the store's maxLeaseMs of ${maxLeaseMs}`, value);
}

function requireWaitMs(argument: string, value: unknown): void {
  if (value === Number.POSITIVE_INFINITY) return;
  if (typeof value === "number" && within(value, bounds.waitMs)) return;
  throw new InvalidArgumentError(argument, `a number from 0 to ${bounds.waitMs.max}, or Infinity`, value);
}

function requireHolder(argument: string, value: unknown): void {
  if (typeof value === "string" && holderPattern.test(value)) return;
  throw new InvalidArgumentError(argument, "1 to 128 printable characters", value);
}

/** Judged by its looks: a signal may come from a polyfill or another realm. */
function requireSignal(argument: string, value: unknown): void {
  const signal = value as Partial<AbortSignal> | null;
  if (typeof signal?.aborted === "boolean" && typeof signal.addEventListener === "function") return;
  throw new InvalidArgumentError(argument, "an AbortSignal", value);
}

function requireBoolean(argument: string, value: unknown): void {
  if (typeof value !== "boolean") throw new InvalidArgumentError(argument, "true or false", value);
}

function requireString(argument: string, value: unknown): void {
  if (typeof value !== "string") throw new InvalidArgumentError(argument, "a string", value);
}

/** False for NaN. */
function within(value: number, { min, max }: Range): boolean {
  return value >= min && value <= max;
}
