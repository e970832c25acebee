import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "@sluice/core";
import type { Log } from "../log.js";
import { SettingsError } from "../settings/reader.js";
import { applyDeclarations, type Difference } from "./apply.js";
import { type Declarations, readDeclarations } from "./declarations.js";

/** Pause after a store that did not take it, in milliseconds. */
const RETRY_MS = 500;

/** Names that one line of the log lists. */
const MAX_NAMES = 20;

/** How far the store is what the file declares. */
export type ConfigStatus =
  /** The store has not taken it yet. */
  | "pending"
  | "applied"
  /** The file has become bad since: what it declared before is applied. */
  | "outdated";

export interface ConfigCondition {
  readonly status: ConfigStatus;
  /** Why the store did not take it, while it is pending and was tried; it may name the store's address. */
  readonly reason?: string | undefined;
}

export interface ConfigurationParts {
  readonly file: string;
  /** What the file holds now. */
  readonly declarations: Declarations;
  readonly store: Store;
  readonly log: Log;
}

/** The file of `SLUICE_CONFIG`, applied to the store as soon as that answers. */
export class Configuration {
  readonly file: string;
  readonly #store: Store;
  readonly #log: Log;
  #declarations: Declarations;
  #status: ConfigStatus = "pending";
  #reason: string | undefined;
  #isBad = false;
  #applying = new AbortController();
  #lastRun: Promise<void> = Promise.resolve();

  constructor({ file, declarations, store, log }: ConfigurationParts) {
    this.file = file;
    this.#store = store;
    this.#log = log;
    this.#declarations = declarations;
  }

  get condition(): ConfigCondition {
    const status = this.#status === "applied" && this.#isBad ? "outdated" : this.#status;
    return { status, reason: this.#reason };
  }

  /** Applies what was read last, for as long as it takes. What was read before is not applied any further. */
  apply(): void {
    this.#applying.abort();
    this.#applying = new AbortController();
    const { signal } = this.#applying;
    const declarations = this.#declarations;
    this.#status = "pending";
    this.#reason = undefined;
    // One after the other: the last calls of a former run must have ended, or they could undo those of this run.
    this.#lastRun = this.#lastRun.then(() => this.#applyUntilTaken(declarations, signal));
  }

  /** Reads the file again and applies it; a bad one is logged, and changes nothing. */
  reload(): void {
    try {
      this.#declarations = readDeclarations(this.file, this.#store.maxLeaseMs);
      this.#isBad = false;
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      this.#isBad = true;
      this.#log.error("the configuration is bad, and the former one stays", { faults: error.faults });
      return;
    }
    this.apply();
  }

  stop(): void {
    this.#applying.abort();
  }

  /** What was applied before the store went away is found unchanged when it is back. */
  async #applyUntilTaken(declarations: Declarations, signal: AbortSignal): Promise<void> {
    const told = new Set<string>();
    while (!signal.aborted) {
      try {
        const difference = await applyDeclarations(this.#store, declarations, signal);
        if (signal.aborted) return;
        this.#status = "applied";
        this.#reason = undefined;
        this.#report(difference);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#postpone(error as Error, told);
        await sleep(RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  /** Some refusals pass and some stay; each is told once, whichever it is. */
  #postpone(error: Error, told: Set<string>): void {
    this.#reason = error.message;
    if (told.has(error.message)) return;
    told.add(error.message);
    this.#log.warn("the configuration is not applied: the store did not take it, and is asked again", {
      file: this.file,
      cause: error,
    });
  }

  #report({ created, changed, unchanged, undeclared }: Difference): void {
    for (const semaphore of created) this.#log.info("semaphore created by the configuration", { semaphore });
    for (const change of changed) this.#log.info("semaphore changed by the configuration", { ...change });
    this.#log.info("configuration applied", {
      file: this.file,
      created: created.length,
      changed: changed.length,
      unchanged,
    });
    if (undeclared.length === 0) return;
    this.#log.warn("permanent semaphores that the configuration does not declare are left as they are", {
      count: undeclared.length,
      semaphores: undeclared.slice(0, MAX_NAMES),
    });
  }
}
