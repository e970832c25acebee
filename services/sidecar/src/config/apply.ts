import type { Definition, SemaphoreStatus, Store } from "@sluice/core";
import type { Declarations } from "./declarations.js";

/** A field of a definition that was changed. */
export interface Change {
  readonly semaphore: string;
  /** `limit 10 -> 20, leaseMs 10000 -> 5000`; empty where the semaphore only became permanent. */
  readonly difference: string;
}

/** What applying declarations did to the store. */
export interface Difference {
  readonly created: readonly string[];
  readonly changed: readonly Change[];
  /** How many were already as declared. */
  readonly unchanged: number;
  /** What is permanent in the store and not declared: it is left as it is. */
  readonly undeclared: readonly string[];
}

const fields = ["limit", "leaseMs", "maxWaiters"] as const satisfies readonly (keyof Definition)[];

/**
 * Makes the store's definitions those that are declared, all of them at once, and deletes nothing. To apply the same
 * declarations once more changes nothing, so that any number of sidecars may do so. No call to the store is under way
 * any more when it ends, however it does.
 *
 * @param signal ends it before the next calls to the store
 * @throws SluiceError of the store, for the first declared one that it refused, or the signal's reason; what was
 * applied until then stays
 */
export async function applyDeclarations(
  store: Store,
  declarations: Declarations,
  signal?: AbortSignal,
): Promise<Difference> {
  const steps = [...declarations].map(([semaphore, declared]) => apply(store, semaphore, declared, signal));
  const applied = await allOf(steps);
  const created: string[] = [];
  const changed: Change[] = [];
  for (const { semaphore, difference } of applied.filter((step) => step !== undefined)) {
    if (difference === undefined) created.push(semaphore);
    else changed.push({ semaphore, difference });
  }
  const unchanged = declarations.size - created.length - changed.length;
  return { created, changed, unchanged, undeclared: await undeclaredIn(store, declarations, signal) };
}

/** Undefined where it was as declared; without a difference where it was created. */
async function apply(
  store: Store,
  semaphore: string,
  declared: Definition,
  signal: AbortSignal | undefined,
): Promise<{ readonly semaphore: string; readonly difference?: string } | undefined> {
  signal?.throwIfAborted();
  const stored = await store.inspect(semaphore, { pageSize: 1 });
  if (stored !== undefined && isAsDeclared(stored, declared)) return undefined;
  signal?.throwIfAborted();
  await store.define(semaphore, declared);
  return stored === undefined ? { semaphore } : { semaphore, difference: differenceOf(stored, declared) };
}

/** Unlike `Promise.all` it waits for the others where one is rejected. */
async function allOf<Result>(steps: readonly Promise<Result>[]): Promise<Result[]> {
  await Promise.allSettled(steps);
  return Promise.all(steps);
}

/** One that was made in passing would disappear. */
function isAsDeclared(stored: SemaphoreStatus, declared: Definition): boolean {
  return stored.version > 0 && fields.every((field) => stored[field] === declared[field]);
}

function differenceOf(stored: SemaphoreStatus, declared: Definition): string {
  return fields
    .filter((field) => stored[field] !== declared[field])
    .map((field) => `${field} ${stored[field]} -> ${declared[field]}`)
    .join(", ");
}

async function undeclaredIn(
  store: Store,
  declarations: Declarations,
  signal?: AbortSignal,
): Promise<string[]> {
  const undeclared: string[] = [];
  let cursor: string | undefined;
  do {
    signal?.throwIfAborted();
    const page = await store.list({ pageSize: 1_000, cursor });
    for (const { semaphore, version } of page.semaphores)
      if (version > 0 && !declarations.has(semaphore)) undeclared.push(semaphore);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return undeclared;
}
