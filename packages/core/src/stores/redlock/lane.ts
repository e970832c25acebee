import { StoreUnavailableError } from "../../errors.js";
import type { AcquireRequest, AcquireResult } from "../../store.js";
import type { Applicant } from "./applicant.js";
import { Applicants } from "./applicants.js";
import { type Definitions, existing, requireLimit } from "./definitions.js";
import type { Holdings } from "./holdings.js";
import { Leftovers } from "./leftovers.js";
import { queue, serve } from "./line.js";
import { Pace } from "./pace.js";
import type { Quorum } from "./quorum.js";
import { isNewer, type StoredDefinition } from "./records.js";
import { Taking } from "./taking.js";
import { lookAt, type View } from "./view.js";

const awayPauseMs = 100;
/** How often a lane looks whether a lease that it holds was revoked. */
const watchMs = 1_000;
const farewellMs = 1_000;

export interface LaneSetup {
  readonly semaphore: string;
  readonly quorum: Quorum;
  readonly definitions: Definitions;
  /** The name of this store among the processes that wait. */
  readonly process: string;
  readonly maxLeaseMs: number;
}

/**
 * The acquires of one process on one semaphore. It works in turns, one after the other: a look at what a majority of
 * masters knows, then a vote for each applicant whose turn has come. What arrives during a turn goes into the next.
 */
export class Lane {
  readonly #semaphore: string;
  readonly #quorum: Quorum;
  readonly #definitions: Definitions;
  readonly #process: string;
  readonly #applicants: Applicants;
  readonly #taking: Taking;
  readonly #pace = new Pace();
  readonly #leftovers = new Leftovers();
  #turning = false;
  #turned: Promise<void> = Promise.resolve();
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  /** The newest that was seen. */
  #definition: StoredDefinition | undefined;
  #closed = false;

  constructor({ semaphore, quorum, definitions, process, maxLeaseMs }: LaneSetup) {
    this.#semaphore = semaphore;
    this.#quorum = quorum;
    this.#definitions = definitions;
    this.#process = process;
    this.#applicants = new Applicants(process, () => this.wake());
    const applicants = this.#applicants;
    this.#taking = new Taking({ semaphore, quorum, applicants, pace: this.#pace, maxLeaseMs });
  }

  get held(): Holdings {
    return this.#taking.held;
  }

  /** Nothing is held, and nobody waits. */
  get idle(): boolean {
    return this.#applicants.size === 0 && this.held.size === 0 && !this.#turning;
  }

  acquire(request: AcquireRequest, signal: AbortSignal | undefined): Promise<AcquireResult> {
    if (request.create !== undefined) requireLimit(request.create.limit);
    return this.#applicants.ask(request, signal);
  }

  /** Something has changed: looks at once. */
  wake(): void {
    this.#pace.hurry();
    this.#again = true;
    if (!this.#turning && !this.#closed) this.#start();
  }

  /** Resolves when the masters were told of those who have left by now, or could not be told. */
  async caughtUp(): Promise<void> {
    // The turn that is under way, and the next one.
    for (let turns = 0; turns < 2 && this.#applicants.someLeave; turns += 1) await this.#turned;
  }

  /** Permits came back here: whoever waits need not wait for the next look. */
  freed(): void {
    if (this.#applicants.size > 0) this.wake();
  }

  /** Fails those who wait, takes them out of the masters' queues, and gives back what they are granted meanwhile. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#applicants.failAll(new StoreUnavailableError("the store is closed"));
    const patience = new Promise((resolve) => setTimeout(resolve, farewellMs).unref());
    await Promise.race([this.#sayFarewell(), patience]);
  }

  async #sayFarewell(): Promise<void> {
    await this.#turned;
    await this.#taking.settled();
    if (this.#applicants.someLeave) await this.#look().catch(() => {});
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#turning = true;
    // What is asked for in the same tick goes together.
    this.#turned = Promise.resolve().then(() => this.#turn());
  }

  async #turn(): Promise<void> {
    this.#again = false;
    let restMs = awayPauseMs * (0.5 + Math.random());
    try {
      await this.#quorum.reachable();
      const view = await this.#look();
      this.#applicants.failure = undefined;
      this.#watch(view);
      this.#applicants.removeLeft(view);
      if (this.#isUpToDate(view)) await this.#decide(view);
      restMs = this.#pace.rest(view.nextLapseMs);
    } catch (error) {
      this.#applicants.fail(error);
    }
    this.#turning = false;
    this.#plan(restMs);
  }

  #plan(restMs: number): void {
    if (this.#closed) return;
    const { size, someLeave, someEnter, failure } = this.#applicants;
    if (this.#again || ((someLeave || someEnter) && failure === undefined)) {
      this.#start();
    } else if (size > 0 || someLeave) {
      this.#timer = setTimeout(() => this.#start(), restMs);
    } else if (this.held.watched) {
      this.#timer = setTimeout(() => this.#start(), watchMs).unref();
    }
  }

  /**
   * Teaches masters that do not know the definition. False where no majority knows the newest one, which it may have
   * forgotten and we have not: who grants by an older one meanwhile is not seen by those who go by the newer one.
   */
  #isUpToDate(view: View): boolean {
    const known = this.#definition;
    const lost = known !== undefined && isNewer(known, view.definition);
    if (!lost) this.#definition = view.definition;
    const taught = lost ? { ...view, definition: known, behind: this.#quorum.masters } : view;
    this.#definitions.teach(this.#semaphore, taught);
    const { masters, majority } = this.#quorum;
    const settled = masters.length - view.unheard - view.behind.length >= majority;
    return !lost && (settled || existing(view) === undefined);
  }

  /** Enters waiters on the way, and takes those out that have left. */
  async #look(): Promise<View> {
    const applicants = this.#applicants;
    const entering = applicants.takeEntering();
    const remove = applicants.takeLeaving();
    const enter = entering.map(
      (one) => [one.lease, one.place ?? 0, one.ticket, applicants.waiterText(one)] as const,
    );
    try {
      return await lookAt(this.#quorum, this.#semaphore, { process: this.#process, enter, remove });
    } catch (error) {
      applicants.putBack(entering, remove);
      throw error;
    }
  }

  async #decide(view: View): Promise<void> {
    const applicants = this.#applicants;
    if (applicants.size === 0) return;
    applicants.recoversUntil = view.recoversMs > 0 ? performance.now() + view.recoversMs : 0;
    applicants.comparePlaces(view);
    await this.#returnHeld(view);
    const definition = existing(view);
    if (definition === undefined) {
      await this.#create(view);
      return;
    }
    applicants.limit = definition.limit;
    this.#refuseTooLarge(definition);
    const leftovers = this.#leftovers.in(view, this.#quorum);
    const served =
      view.recoversMs > 0 ? [] : serve(applicants.all, this.#process, definition, view, leftovers);
    const asked = new Set(served.map(({ applicant }) => applicant));
    this.#queueOthers(asked, definition, view);
    await this.#taking.takeAll(served, definition, view);
  }

  async #returnHeld(view: View): Promise<void> {
    const asked = this.#applicants.all.filter(({ lease }) => view.leases.has(lease));
    if (asked.length === 0) return;
    const detailed = await lookAt(this.#quorum, this.#semaphore, { process: this.#process, records: true });
    await Promise.all(asked.map((applicant) => this.#taking.returnTo(applicant, detailed)));
  }

  async #create(view: View): Promise<void> {
    const applicants = this.#applicants.all;
    const definition = applicants.find(({ request }) => request.create !== undefined)?.request.create;
    for (const applicant of applicants)
      if (applicant.request.create === undefined) this.#applicants.settle(applicant, { outcome: "unknown" });
    if (definition === undefined) return;
    await this.#definitions.create(this.#semaphore, view, definition);
    this.#again = true;
  }

  #refuseTooLarge({ limit }: StoredDefinition): void {
    for (const applicant of this.#applicants.all)
      if (limit > 0 && applicant.request.permits > limit)
        this.#applicants.settle(applicant, { outcome: "exceeds_limit", limit });
  }

  #queueOthers(asked: ReadonlySet<Applicant>, definition: StoredDefinition, view: View): void {
    const { limit, maxWaiters } = definition;
    const { all } = this.#applicants;
    let waiting = view.waiting + all.filter(({ place, entered }) => place !== undefined && !entered).length;
    let ticket = Math.max(view.ticket, ...all.map((applicant) => applicant.ticket));
    for (const applicant of all) {
      if (asked.has(applicant) || (applicant.patient && applicant.place !== undefined)) continue;
      if (!applicant.patient) {
        this.#applicants.refuse(applicant);
      } else if (waiting >= maxWaiters) {
        this.#applicants.settle(applicant, { outcome: "queue_full", limit, maxWaiters });
      } else {
        waiting += 1;
        ticket += 1;
        queue(applicant, ticket, view);
      }
    }
  }

  /** Holders hear of what happened to their leases behind their backs. */
  #watch(view: View): void {
    const now = performance.now();
    for (const { record, validUntil } of [...this.held.values()]) {
      const seen = view.leases.get(record.lease);
      if (seen?.revoked) this.held.lose(record.lease, "revoked");
      else if (seen === undefined && now > validUntil) this.held.lose(record.lease, "lapsed");
    }
  }
}
