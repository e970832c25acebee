import { type NodeProcess, spawnNode } from "@sluice/testkit";

const program = new URL("./worker.mjs", import.meta.url);

export interface Stats {
  readonly served: number;
  readonly timeouts: number;
  readonly hangUps: number;
  readonly lost: number;
  readonly away: number;
  readonly longestWaitMs: number;
  readonly faults: readonly string[];
}

/** How long a worker may take to have everything served that it waits for. */
const LAST_WORK_MS = 30_000;

export interface Duty {
  readonly url: string;
  readonly upstream: string;
  readonly semaphores: Readonly<Record<string, number>>;
  readonly random: () => number;
}

/** Processes under load, which are killed and replaced. */
export class Crew {
  killed = 0;
  readonly #duty: Duty;
  readonly #workers: NodeProcess[] = [];

  constructor(duty: Duty) {
    this.#duty = duty;
  }

  hire(count: number): void {
    for (let index = 0; index < count; index++) this.#workers.push(this.#start());
  }

  /** Kills one in the middle of its work; another one takes its place. */
  async killOne(): Promise<void> {
    const victim = Math.floor(this.#duty.random() * this.#workers.length);
    const [worker] = this.#workers.splice(victim, 1, this.#start());
    await worker?.kill();
    this.killed += 1;
  }

  /** What they did, once everything that they waited for was served. @throws Error where something was not */
  async dismiss(): Promise<Stats[]> {
    const workers = this.#workers.splice(0);
    for (const worker of workers) worker.send("end");
    return Promise.all(
      workers.map(async (worker) => {
        await worker.finished({ timeoutMs: LAST_WORK_MS });
        return worker.next<Stats>();
      }),
    );
  }

  async killAll(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.kill()));
  }

  #start(): NodeProcess {
    const { url, upstream, semaphores, random } = this.#duty;
    const given = JSON.stringify({ semaphores, seed: Math.floor(random() * 2 ** 31) });
    return spawnNode(program, [url, upstream, given]);
  }
}
