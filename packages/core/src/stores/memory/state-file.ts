import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { namePattern } from "../../bounds.js";
import { StoreIncompatibleError, StoreUnavailableError } from "../../errors.js";
import type { Permanent } from "./ledger.js";

/** The format that is written, and the newest that can be read. */
const FORMAT = 1;

/** What a state file holds. */
export interface Remembered {
  /** The last store has ended, and no lease was held then. */
  readonly clean: boolean;
  /** No fence above it was given out. */
  readonly fence: number;
  /** No lease that lasts longer was given out since the last clean end. */
  readonly longestLeaseMs: number;
  readonly definitions: ReadonlyMap<string, Permanent>;
}

/**
 * What the file remembers; undefined where there is none.
 *
 * @throws StoreIncompatibleError when a newer library has written it
 * @throws StoreUnavailableError when it is damaged or cannot be read
 */
export function readState(path: string): Remembered | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (isNotFound(cause)) return undefined;
    throw new StoreUnavailableError(`the state file ${path} cannot be read`, { cause });
  }
  return decode(path, text);
}

/**
 * Replaces the file in one step that a crash, of the machine too, leaves done or undone.
 *
 * @throws Error of the operating system
 */
export function writeState(path: string, { clean, fence, longestLeaseMs, definitions }: Remembered): void {
  const semaphores = [...definitions].map(([semaphore, { definition, version }]) => ({
    semaphore,
    limit: definition.limit,
    leaseMs: definition.leaseMs,
    maxWaiters: definition.maxWaiters,
    version,
  }));
  const text = JSON.stringify({ format: FORMAT, clean, fence, longestLeaseMs, semaphores }, undefined, 2);
  const replacement = `${path}.new`;
  const file = openSync(replacement, "w", 0o600);
  try {
    writeFileSync(file, `${text}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(replacement, path);
  syncDirectory(dirname(path));
}

/** Only then a rename outlives a loss of power. */
function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function decode(path: string, text: string): Remembered {
  const state = asRecord(parse(text));
  const { format, clean, fence, longestLeaseMs, semaphores } = state ?? {};
  if (isCount(format) && format > FORMAT) {
    throw new StoreIncompatibleError(
      `the state file ${path} is of a newer Sluice: format ${format} is newer than ${FORMAT}`,
    );
  }
  const expect = (met: boolean, expected: string): void => {
    if (!met) throw damaged(path, expected);
  };
  expect(state !== undefined, "a JSON object");
  expect(format === FORMAT, `the number ${FORMAT} as its format`);
  expect(typeof clean === "boolean", "true or false as clean");
  expect(isCount(fence), "a whole number as fence");
  expect(isCount(longestLeaseMs), "a whole number as longestLeaseMs");
  expect(Array.isArray(semaphores), "a list of semaphores");
  const definitions = (semaphores as unknown[]).map((one) => {
    const entry = decodeSemaphore(one);
    if (entry === undefined) throw damaged(path, `semaphores with whole numbers; got ${JSON.stringify(one)}`);
    return entry;
  });
  return {
    clean: clean as boolean,
    fence: fence as number,
    longestLeaseMs: longestLeaseMs as number,
    definitions: new Map(definitions),
  };
}

function decodeSemaphore(value: unknown): [semaphore: string, Permanent] | undefined {
  const { semaphore, limit, leaseMs, maxWaiters, version } = asRecord(value) ?? {};
  if (typeof semaphore !== "string" || !namePattern.test(semaphore)) return undefined;
  if (!isCount(limit) || !isCount(leaseMs) || !isCount(maxWaiters) || !isCount(version)) return undefined;
  return leaseMs > 0 && version > 0
    ? [semaphore, { definition: { limit, leaseMs, maxWaiters }, version }]
    : undefined;
}

function damaged(path: string, expected: string): StoreUnavailableError {
  return new StoreUnavailableError(
    `the state file ${path} is damaged: expected ${expected}. Bring a good copy back, or delete it to start anew, ` +
      "when nobody believes in a lease any more",
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
