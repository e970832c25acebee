import type { Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "@sluice/core";
import type { Context } from "./context.js";
import type { Upkeep } from "./operation/upkeep.js";
import { Sessions } from "./sessions/sessions.js";

/** How often a draining sidecar looks whether it is still needed. */
const LOOK_MS = 20;

/** For how long answers that are on their way keep a closing sidecar open. */
const LAST_ANSWERS_MS = 1_000;

/** A sidecar that runs. */
export class Sidecar {
  readonly url: string;
  readonly #server: Server;
  readonly #context: Context;
  readonly #sessions: Sessions;
  readonly #drainMs: number;
  readonly #upkeep: Upkeep;
  #closed: Promise<void> | undefined;

  /** Use `startSidecar`. */
  constructor(server: Server, context: Context, url: string, drainMs: number, upkeep: Upkeep) {
    this.#server = server;
    this.#context = context;
    this.#sessions = new Sessions(context);
    this.#sessions.listen(server);
    this.url = url;
    this.#drainMs = drainMs;
    this.#upkeep = upkeep;
  }

  /** Where people look at it; undefined where the console was not built. */
  get consoleUrl(): string | undefined {
    return this.#context.page && `${this.url}/`;
  }

  /** What stands behind it, with its metrics. */
  get store(): Store {
    return this.#context.store;
  }

  /** How many leases that it granted may still be held. */
  get leasesHeld(): number {
    return this.#context.handedOut.size + this.#context.custody.size;
  }

  /** How many sessions are open. */
  get sessionsOpen(): number {
    return this.#sessions.size;
  }

  /** How many acquires wait, are being answered, or linger after their caller left. */
  get acquiresUnderWay(): number {
    return this.#context.attempts.size;
  }

  /**
   * Grants nothing any more and sends those who wait elsewhere; renews and releases until the leases that it granted
   * have ended and nobody can come back any more for a place that it keeps, or for `SLUICE_DRAIN_MS`; and closes.
   */
  async drain(): Promise<void> {
    this.#context.drain();
    this.#sessions.drain();
    const deadline = performance.now() + this.#drainMs;
    while (this.#closed === undefined && performance.now() < deadline && this.#isNeeded())
      await sleep(LOOK_MS);
    await this.close();
  }

  /** Reads tokens, certificate and configuration again. What is bad is logged, and the former one stays. */
  reload(): void {
    this.#upkeep.reload();
  }

  /** Ends at once, but for answers that are on their way. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #isNeeded(): boolean {
    return this.leasesHeld > 0 || this.acquiresUnderWay > 0;
  }

  async #close(): Promise<void> {
    this.#context.close();
    this.#sessions.restart();
    await endServer(this.#server);
    this.#upkeep.stop();
    await this.#context.store.close();
  }
}

async function endServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  // A connection whose answer is finished becomes idle, and nobody else would end it.
  const sweeping = setInterval(() => server.closeIdleConnections(), 10);
  const patience = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
  await closed;
  clearInterval(sweeping);
  clearTimeout(patience);
}
