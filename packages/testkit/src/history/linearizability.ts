import { nameOf } from "./fences.js";
import type { Finding } from "./findings.js";
import type { Acquire, History } from "./history.js";
import { type Model, type Operation, operationsOf } from "./operations.js";

/** Beyond so many states the search is given up. */
const mostStates = 50_000;

export interface Explanation {
  /** Whether there is an order that explains all; undefined where the search was given up. */
  readonly found: boolean | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Looks for an order of the operations, each at one moment between its call and its answer, that a single semaphore
 * (holder -> permits) could have gone through.
 *
 * The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993) with the memory of states
 * visited that Lowe added ("Testing for linearizability", 2017). What a state is follows from the set of operations
 * that have taken place, so the set alone is remembered.
 *
 * Operations are: a grant; a refusal at once (`waitMs: 0`), unless somebody may have been queued or may hold permits
 * unseen; and the end of a lease. A release that said that it had held the lease took place between its call and its
 * answer. Any other lease may end by itself, at any time after its holder believed in it, or never.
 */
export function explain(history: History, model: Model): Explanation {
  const search = new Search(operationsOf(history, model), model.fences);
  const outcome = search.run();
  if (outcome !== "none") return { found: outcome === "found" || undefined, findings: [] };
  const { longestPrefix, stuckAt } = search;
  const finding = { kind: "not linearizable", longestPrefix, stuckAt: stuckAt.map(describe) } as const;
  return { found: false, findings: [finding] };
}

/** A call or an answer, in a list from which those of operations that have taken place are taken out. */
interface Entry {
  readonly operation: Operation;
  readonly number: number;
  readonly answer: boolean;
  before: Entry | undefined;
  after: Entry | undefined;
  /** Of a call: its answer, unless it may never come. */
  answerEntry: Entry | undefined;
}

/** What the semaphore is like after some operations, and what it was like before the last. */
interface Step {
  readonly entry: Entry;
  readonly inUse: number;
  readonly fenced: number;
}

class Search {
  longestPrefix = 0;
  /** What none of fitted after the longest prefix. */
  stuckAt: Operation[] = [];
  /** In the order in which grants have to take place: who comes out of turn leaves no place for those before. */
  readonly #fences: readonly number[];
  readonly #head: Entry;
  readonly #done: Uint8Array;
  readonly #steps: Step[] = [];
  readonly #visited = new Set<string>();
  readonly #held = new Set<Acquire>();
  #inUse = 0;
  /** How many grants with a fence have taken place. */
  #fenced = 0;

  constructor(operations: readonly Operation[], fences: boolean) {
    this.#fences = fences ? fencesOf(operations) : [];
    this.#head = entriesOf(operations);
    this.#done = new Uint8Array(Math.ceil(operations.length / 8));
  }

  run(): "found" | "none" | "given up" {
    let entry = this.#head.after;
    while (entry !== undefined) {
      if (this.#visited.size > mostStates) return "given up";
      if (entry.answer) {
        // It had to take place by now, and nothing that is left lets it.
        this.#remember(entry);
        const step = this.#steps.pop();
        if (step === undefined) return "none";
        this.#undo(step);
        entry = step.entry.after;
      } else if (this.#fits(entry.operation) && this.#isNew(entry)) {
        this.#take(entry);
        entry = this.#head.after;
      } else {
        entry = entry.after;
      }
    }
    return "found";
  }

  #fits({ kind, acquire, limit }: Operation): boolean {
    if (kind === "end") return this.#held.has(acquire);
    const fitsIn = this.#inUse + acquire.permits <= limit;
    if (kind === "refusal") return !fitsIn;
    return fitsIn && (!this.#hasTurn(acquire) || acquire.fence === this.#fences[this.#fenced]);
  }

  #hasTurn({ fence }: Acquire): boolean {
    return fence !== undefined && this.#fences.length > 0;
  }

  /** Whether the operations that have taken place, with this one, were not tried yet. */
  #isNew({ number }: Entry): boolean {
    this.#flip(number);
    const state = Buffer.from(this.#done.buffer).toString("latin1");
    this.#flip(number);
    if (this.#visited.has(state)) return false;
    this.#visited.add(state);
    return true;
  }

  #take(entry: Entry): void {
    const { kind, acquire } = entry.operation;
    this.#steps.push({ entry, inUse: this.#inUse, fenced: this.#fenced });
    this.#flip(entry.number);
    if (kind === "grant") {
      this.#held.add(acquire);
      this.#inUse += acquire.permits;
      if (this.#hasTurn(acquire)) this.#fenced += 1;
    } else if (kind === "end") {
      this.#held.delete(acquire);
      this.#inUse -= acquire.permits;
    }
    lift(entry);
  }

  #undo({ entry, inUse, fenced }: Step): void {
    const { kind, acquire } = entry.operation;
    this.#flip(entry.number);
    if (kind === "grant") this.#held.delete(acquire);
    else if (kind === "end") this.#held.add(acquire);
    this.#inUse = inUse;
    this.#fenced = fenced;
    unlift(entry);
  }

  #flip(number: number): void {
    this.#done[number >>> 3] = (this.#done[number >>> 3] as number) ^ (1 << (number & 7));
  }

  #remember(until: Entry): void {
    if (this.#steps.length < this.longestPrefix) return;
    this.longestPrefix = this.#steps.length;
    this.stuckAt = [];
    for (let entry = this.#head.after; entry && entry !== until; entry = entry.after) {
      this.stuckAt.push(entry.operation);
    }
  }
}

function fencesOf(operations: readonly Operation[]): number[] {
  return operations
    .flatMap(({ kind, acquire: { fence } }) => (kind === "grant" && fence !== undefined ? [fence] : []))
    .sort((one, other) => one - other);
}

/** The calls and answers in the order of their times; of one moment the calls first, which allows more. */
function entriesOf(operations: readonly Operation[]): Entry {
  const entries = operations.flatMap((operation, number) => {
    const call = entryOf(operation, number, false);
    if (operation.to === Number.POSITIVE_INFINITY) return [call];
    call.answerEntry = entryOf(operation, number, true);
    return [call, call.answerEntry];
  });
  entries.sort((one, other) => timeOf(one) - timeOf(other) || Number(one.answer) - Number(other.answer));
  const head = entryOf({} as Operation, -1, false);
  let last = head;
  for (const entry of entries) {
    last.after = entry;
    entry.before = last;
    last = entry;
  }
  return head;
}

function entryOf(operation: Operation, number: number, answer: boolean): Entry {
  return { operation, number, answer, before: undefined, after: undefined, answerEntry: undefined };
}

function timeOf({ operation, answer }: Entry): number {
  return answer ? operation.to : operation.from;
}

function lift(entry: Entry): void {
  for (const each of [entry, entry.answerEntry]) {
    if (each?.before) each.before.after = each.after;
    if (each?.after) each.after.before = each.before;
  }
}

/** In the opposite order of `lift`, so that neighbours are in the list again. */
function unlift(entry: Entry): void {
  for (const each of [entry.answerEntry, entry]) {
    if (each?.before) each.before.after = each;
    if (each?.after) each.after.before = each;
  }
}

function describe({ kind, acquire }: Operation): string {
  const { process, call } = nameOf(acquire);
  return `the ${kind} of ${process}#${call} (${acquire.permits} permits)`;
}
