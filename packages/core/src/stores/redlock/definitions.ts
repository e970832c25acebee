import { InvalidArgumentError } from "../../errors.js";
import { newAttemptId } from "../../ids.js";
import type { DefineResult, Definition, ResizeResult } from "../../store.js";
import type { Master } from "./master.js";
import type { Quorum } from "./quorum.js";
import type { StoredDefinition } from "./records.js";
import { maxLimit } from "./scripts.js";
import { lookAt, mayBeHeld, type View } from "./view.js";

/** Others may write at the same moment; each of them has an end. */
const mostAttempts = 20;
const pauseMs = 10;

/** @throws InvalidArgumentError */
export function requireLimit(limit: number): void {
  if (limit <= maxLimit) return;
  throw new InvalidArgumentError(
    "limit",
    `at most ${maxLimit} on a quorum, which has a mutex for each permit`,
    limit,
  );
}

/** The definitions of semaphores: registers, each written by a majority that must not know a newer one. */
export class Definitions {
  readonly #quorum: Quorum;

  constructor(quorum: Quorum) {
    this.#quorum = quorum;
  }

  /** Creates the semaphore in passing, unless somebody else does so at the same moment. */
  async create(semaphore: string, view: View, definition: Definition): Promise<void> {
    await this.#write(semaphore, view, begin(view, definition, 0));
  }

  async define(semaphore: string, definition: Definition): Promise<DefineResult> {
    requireLimit(definition.limit);
    let created: boolean | undefined;
    const written = await this.#change(semaphore, (view) => {
      const stored = existing(view);
      created ??= stored === undefined;
      return stored === undefined ? begin(view, definition, 1) : successor(stored, definition);
    });
    if (written === undefined) throw this.#quorum.unavailable();
    return { created: created ?? false, definition: plain(written), version: written.version };
  }

  async resize(semaphore: string, limit: number): Promise<ResizeResult> {
    requireLimit(limit);
    const written = await this.#change(semaphore, (view) => {
      const stored = existing(view);
      return stored && successor(stored, { ...plain(stored), limit });
    });
    if (written === undefined) return { outcome: "unknown" };
    return { outcome: "resized", definition: plain(written), version: written.version };
  }

  async remove(semaphore: string): Promise<"removed" | "in_use" | "unknown"> {
    let held = false;
    let began = false;
    const written = await this.#change(semaphore, (view) => {
      const stored = existing(view);
      // One's own removal that reached no majority at once.
      if (stored === undefined) return began ? view.definition : undefined;
      held = [...view.leases.values()].some((lease) => mayBeHeld(lease, view, this.#quorum));
      if (held) return undefined;
      began = true;
      const { revision, version } = stored;
      return { ...stored, revision: revision + 1, author: newAuthor(version + 1), removed: true };
    });
    if (written !== undefined) return "removed";
    return held ? "in_use" : "unknown";
  }

  /** Brings masters up to date that were away, or have lost what they knew. Nobody waits for it. */
  teach(semaphore: string, view: View): void {
    if (view.definition !== undefined) this.#tell(semaphore, view, view.definition, view.behind);
  }

  /**
   * Writes what `next` makes of the latest definition, and looks again where somebody else was faster. Undefined where
   * `next` wants nothing written.
   */
  async #change(
    semaphore: string,
    next: (view: View) => StoredDefinition | undefined,
  ): Promise<StoredDefinition | undefined> {
    for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
      const view = await lookAt(this.#quorum, semaphore);
      const wanted = next(view);
      if (wanted === undefined) return undefined;
      if (await this.#write(semaphore, view, wanted)) return wanted;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMs * attempt));
    }
    throw this.#quorum.unavailable();
  }

  /** Whether a majority knows it as the newest now. */
  async #write(semaphore: string, view: View, definition: StoredDefinition): Promise<boolean> {
    const { scripts, keys, majority } = this.#quorum;
    const replies = await this.#quorum.ask(
      scripts.tell,
      keys.of(semaphore).tell,
      told(semaphore, view, definition),
    );
    return replies.filter(({ value }) => value === "known").length >= majority;
  }

  #tell(semaphore: string, view: View, definition: StoredDefinition, masters: readonly Master[]): void {
    const { scripts, keys } = this.#quorum;
    for (const master of masters)
      master.run(scripts.tell, keys.of(semaphore).tell, told(semaphore, view, definition)).catch(() => {});
  }
}

/** The definition of a semaphore that exists. */
export function existing({ definition }: View): StoredDefinition | undefined {
  return definition?.removed ? undefined : definition;
}

export function plain({ limit, leaseMs, maxWaiters }: Definition): Definition {
  return { limit, leaseMs, maxWaiters };
}

function begin(view: View, definition: Definition, version: number): StoredDefinition {
  const revision = (view.definition?.revision ?? 0) + 1;
  const author = newAuthor(version);
  return { ...plain(definition), revision, author, life: revision, version, removed: false };
}

/** The same where nothing changes; to become permanent is a change. */
function successor(stored: StoredDefinition, definition: Definition): StoredDefinition {
  const { limit, leaseMs, maxWaiters } = definition;
  const same =
    stored.limit === limit &&
    stored.leaseMs === leaseMs &&
    stored.maxWaiters === maxWaiters &&
    stored.version > 0;
  if (same) return stored;
  const { revision, version } = stored;
  return {
    ...stored,
    ...plain(definition),
    revision: revision + 1,
    author: newAuthor(version + 1),
    version: version + 1,
  };
}

/** Of two that write at once, one who defines comes after one who creates in passing. */
function newAuthor(version: number): string {
  return (version > 0 ? "1" : "0") + newAttemptId();
}

/** What was counted goes along, but into a new life of the semaphore. */
function told(semaphore: string, view: View, definition: StoredDefinition): string[] {
  const counted = view.definition?.life === definition.life;
  const { granted, ticket, grants, lapses, revocations } = view;
  const counts = counted ? [grants, lapses, revocations] : [0, 0, 0];
  return [semaphore, JSON.stringify(definition), ...[granted, ticket, ...counts].map(String)];
}
