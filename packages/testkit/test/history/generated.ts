import { seededRandom } from "../../src/faults/random.js";
import { assembleHistory } from "../../src/history/assemble.js";
import type { HistoryEvent } from "../../src/history/events.js";
import type { Fate, History } from "../../src/history/history.js";
import { FairServer, type Pick } from "./fair-server.js";
import { Timeline } from "./timeline.js";

export interface World {
  readonly seed: number;
  readonly limit: number;
  readonly processes: number;
  readonly calls: number;
  /** One of this many processes is killed; none for 0. */
  readonly kills: boolean;
  readonly pick?: Pick;
}

export interface Generated {
  readonly logs: HistoryEvent[][];
  readonly fates: Fate[];
}

const leaseMs = 100;
/** A holder stops believing so much before its server does. */
const marginMs = 1;

/** The logs of processes that used a fair server over a network that delays: with waits, refusals, losses and deaths. */
export function generate({ seed, limit, processes, calls, kills, pick }: World): Generated {
  const random = seededRandom(seed);
  const time = new Timeline();
  const server = new FairServer(time, limit, leaseMs, pick);
  const programs = Array.from({ length: processes }, (_, index) => {
    const killedAt = kills && index === 0 ? between(random, 20, 300) : Number.POSITIVE_INFINITY;
    return new Program({ name: `p${index}`, random, time, server, limit, killedAt });
  });
  for (const program of programs) program.plan(calls);
  time.run();
  return {
    logs: programs.map(({ log }) => log),
    fates: programs.flatMap(({ name, killedAt }) =>
      killedAt < Number.POSITIVE_INFINITY ? [{ process: name, killedAt }] : [],
    ),
  };
}

export function historyOf({ logs, fates }: Generated): History {
  return assembleHistory(logs, fates);
}

function between(random: () => number, from: number, to: number): number {
  return from + random() * (to - from);
}

interface Surroundings {
  readonly name: string;
  readonly random: () => number;
  readonly time: Timeline;
  readonly server: FairServer;
  readonly limit: number;
  readonly killedAt: number;
}

class Program {
  readonly name: string;
  readonly killedAt: number;
  readonly log: HistoryEvent[];
  readonly #around: Surroundings;
  #calls = 0;
  /** What it sends arrives in the order in which it was sent. */
  #lastArrival = 0;

  constructor(around: Surroundings) {
    this.name = around.name;
    this.killedAt = around.killedAt;
    this.#around = around;
    this.log = [{ kind: "began", at: 0, process: this.name, semaphore: "api" }];
  }

  plan(calls: number): void {
    for (let call = 1; call <= calls; call++) {
      this.#at(this.#between(0, calls * 8), () => this.#acquire());
    }
  }

  #acquire(): void {
    const { server, limit } = this.#around;
    this.#calls += 1;
    const call = this.#calls;
    const key = `${this.name}-${call}`;
    const permits = 1 + Math.floor(this.#between(0, Math.min(limit, 3)));
    const priority = Math.floor(this.#between(0, 2)) * 5;
    const waitMs = this.#choose([undefined, undefined, undefined, 0, 30]);
    let answered = false;
    const answer = (event: HistoryEvent) => {
      if (!answered) this.#log(event);
      answered = true;
    };
    this.#log({ kind: "invoke", at: this.#now, call, permits, priority, waitMs });
    const granted = (fence: number, expiresAt: number) =>
      this.#reply(() => {
        if (answered) return;
        answer({ kind: "ok", at: this.#now, call, lease: key, fence, until: expiresAt - marginMs });
        this.#hold(key, expiresAt);
      });
    const patient = waitMs === undefined;
    const waiter = { key, permits, priority, patient, askedAt: this.#now, seenAt: Infinity, granted };
    this.#send(() => {
      const taken = server.acquire(waiter, waitMs !== 0);
      if (!taken) this.#reply(() => answer({ kind: "fail", at: this.#now, call, code: "ACQUIRE_TIMEOUT" }));
      if (!server.queues(key)) return;
      this.#reply(() => {
        if (answered) return;
        waiter.seenAt = this.#now;
        this.#log({ kind: "queued", at: this.#now, call });
      });
    });
    if (!waitMs) return;
    this.#at(this.#now + waitMs, () => {
      if (answered) return;
      answer({ kind: "fail", at: this.#now, call, code: "ACQUIRE_TIMEOUT" });
      this.#send(() => server.cancel(key));
    });
  }

  #hold(key: string, expiresAt: number): void {
    const { server } = this.#around;
    const renews = this.#choose([true, false]);
    let until = expiresAt - marginMs;
    let over = false;
    const renew = () => {
      if (over) return;
      this.#send(() => {
        const renewedTo = server.renew(key);
        this.#reply(() => {
          if (renewedTo === undefined || over) return;
          until = renewedTo - marginMs;
          this.#log({ kind: "keep", at: this.#now, lease: key, until });
          watch();
          this.#at(this.#now + leaseMs / 3, renew);
        });
      });
    };
    const watch = () =>
      this.#at(until, () => {
        if (over || until > this.#now) return;
        over = true;
        this.#log({ kind: "lost", at: this.#now, lease: key });
      });
    watch();
    if (renews) this.#at(this.#now + leaseMs / 3, renew);
    this.#at(this.#now + this.#choose([1, 5, 20, 150]), () => {
      over = true;
      this.#log({ kind: "release", at: this.#now, lease: key });
      this.#send(() => {
        const held = server.release(key);
        this.#reply(() => this.#log({ kind: "released", at: this.#now, lease: key, held }));
      });
    });
  }

  get #now(): number {
    return this.#around.time.now;
  }

  #send(action: () => void): void {
    this.#lastArrival = Math.max(this.#lastArrival, this.#now + this.#between(0.1, 3));
    this.#around.time.at(this.#lastArrival, action);
  }

  #reply(action: () => void): void {
    this.#at(this.#now + this.#between(0.1, 3), action);
  }

  /** The dead do nothing. */
  #at(at: number, action: () => void): void {
    this.#around.time.at(at, () => {
      if (this.#now < this.killedAt) action();
    });
  }

  #log(event: HistoryEvent): void {
    this.log.push(event);
  }

  #between(from: number, to: number): number {
    return between(this.#around.random, from, to);
  }

  #choose<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#around.random() * items.length)] as Item;
  }
}
