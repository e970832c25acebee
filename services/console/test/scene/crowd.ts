import { setTimeout as sleep } from "node:timers/promises";
import { type Lease, Semaphore } from "@sluice/core";
import type { Scene } from "./scene.js";

/** How many calls are under way at a time. */
const AT_A_TIME = 200;

export interface CrowdSize {
  readonly semaphores: number;
  /** In all of them. */
  readonly leases: number;
  /** In the first of them, which bears the name `crowded`. */
  readonly inTheCrowded: number;
}

/** Semaphores with leases that come and go, held by a real client through the sidecar. */
export class Crowd {
  readonly #semaphores: readonly Semaphore[];
  readonly #leases = new Map<Semaphore, Lease[]>();
  #round = 0;

  private constructor(semaphores: readonly Semaphore[]) {
    this.#semaphores = semaphores;
  }

  static async gather(scene: Scene, { semaphores, leases, inTheCrowded }: CrowdSize): Promise<Crowd> {
    const names = Array.from({ length: semaphores }, (_, index) => (index === 0 ? "crowded" : nameOf(index)));
    const each = Math.ceil((leases - inTheCrowded) / (semaphores - 1));
    const definition = { leaseMs: 300_000, limit: inTheCrowded + each };
    await inTurns(names, (name) => scene.define(name, definition));
    const crowd = new Crowd(names.map((name) => new Semaphore(scene.store, name)));
    const holds = crowd.#semaphores.flatMap((semaphore, index) =>
      Array.from({ length: index === 0 ? inTheCrowded : each }, () => semaphore),
    );
    await inTurns(holds, (semaphore) => crowd.#hold(semaphore));
    return crowd;
  }

  get leases(): number {
    return [...this.#leases.values()].reduce((sum, held) => sum + held.length, 0);
  }

  /** One lease in every semaphore, and a hundred in the crowded one, end or begin; takes a second at least. */
  async change(): Promise<void> {
    const [crowded] = this.#semaphores;
    const changing = [...this.#semaphores, ...Array.from({ length: 99 }, () => crowded as Semaphore)];
    const isEbb = this.#round % 2 === 0;
    this.#round += 1;
    const change = (semaphore: Semaphore) => (isEbb ? this.#release(semaphore) : this.#hold(semaphore));
    await Promise.all([inTurns(changing, change), sleep(1_000)]);
  }

  async #hold(semaphore: Semaphore): Promise<void> {
    const held = this.#leases.get(semaphore) ?? [];
    this.#leases.set(semaphore, held);
    const holder = `worker-${this.#round}-${held.length}`;
    held.push(await semaphore.acquire({ waitMs: 30_000, holder }));
  }

  async #release(semaphore: Semaphore): Promise<void> {
    await this.#leases.get(semaphore)?.shift()?.release();
  }
}

function nameOf(index: number): string {
  const services = ["openai", "embeddings", "postgres", "search", "billing"];
  return `${services[index % services.length]}-${String(index).padStart(4, "0")}`;
}

async function inTurns<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_A_TIME) {
    await Promise.all(items.slice(start, start + AT_A_TIME).map(work));
  }
}
