import { setTimeout as sleep } from "node:timers/promises";
import type { Child, Children } from "../children/children.js";
import type { EndlessSettings } from "./settings.js";
import type { Tally } from "./tally.js";
import type { WorkerOptions } from "./worker/options.js";
import { startWorker } from "./worker/start.js";

/** How long the place of a worker that has ended stays empty. */
const RESTART_MS = 2_000;

export interface FleetParts {
  readonly settings: EndlessSettings;
  readonly children: Children;
  /** Addresses of the upstreams, in the order of the workloads. */
  readonly upstreams: readonly string[];
  readonly tally: Tally;
}

/** The workers, spread over the sidecars. One that ends, as one of them does again and again, is started anew. */
export class Fleet {
  readonly #parts: FleetParts;
  readonly #living = new Set<Child>();
  readonly #stop = new AbortController();

  constructor(parts: FleetParts) {
    this.#parts = parts;
  }

  start(): void {
    const { processes, sidecars, killEveryMs } = this.#parts.settings;
    for (let number = 0; number < processes; number += 1)
      void this.#keep({ ...this.#place(number), name: `demo ${number + 1}`, diesAfterMs: undefined });
    void this.#keep({ ...this.#place(sidecars.length - 1), name: "demo mortal", diesAfterMs: killEveryMs });
  }

  /** Lets the workers finish what they have begun, and resolves when they have ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#parts.children.stop(...this.#living);
  }

  #place(number: number): Pick<WorkerOptions, "sidecar" | "upstreams"> {
    const { settings, upstreams } = this.#parts;
    return { sidecar: settings.sidecars[number % settings.sidecars.length] ?? "", upstreams };
  }

  async #keep(options: WorkerOptions): Promise<void> {
    const { children, settings, tally } = this.#parts;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const child = startWorker(children, options, settings.token, (counts) => tally.add(counts));
      this.#living.add(child);
      const ending = await child.exited;
      this.#living.delete(child);
      if (signal.aborted) return;
      const isPlanned = options.diesAfterMs !== undefined && ending === "SIGKILL";
      if (isPlanned) tally.noteKilled();
      else tally.noteFailure(`${options.name} ended (${ending}) ${child.lastWords()}`.trim());
      await sleep(RESTART_MS, undefined, { signal }).catch(() => {});
    }
  }
}
