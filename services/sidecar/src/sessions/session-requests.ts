import type {
  AcquiredAnswer,
  CancelAnswer,
  ClaimAnswer,
  ClaimedLease,
  PingAnswer,
  ReleaseAnswer,
  SessionMessage,
} from "@sluice/client/shapes";
import { newAttemptId, type RenewResult } from "@sluice/core";
import type { Caller } from "../access/caller.js";
import type { Acquire } from "../attempts/acquires.js";
import { askedOf } from "../attempts/asked.js";
import { hasReadOn } from "../attempts/reading-on.js";
import { drainingProblem } from "../attempts/refusal.js";
import type { Context } from "../context.js";
import { HttpProblem } from "../http/problem.js";
import { invalid } from "../http/problem-of.js";
import { claimOf } from "../leases/claim.js";
import { answerOf } from "../leases/grant-answer.js";
import type { Ending } from "./ending.js";
import type { SessionLeases } from "./session-leases.js";

type Of<Op extends SessionMessage["op"]> = Extract<SessionMessage, { op: Op }>;
type MessageId = SessionMessage["id"];
type Answer = AcquiredAnswer | ReleaseAnswer | CancelAnswer | ClaimAnswer | PingAnswer;

/** An acquire of this session that has not been answered. */
interface Waiting {
  /** Undefined while the loop reads on. */
  acquire?: Acquire;
  cancelled: boolean;
  /** Answers its client. */
  readonly cancel: (problem: HttpProblem) => void;
}

export interface SessionRequestsOptions {
  readonly context: Context;
  readonly caller: Caller;
  readonly address: string;
  readonly leases: SessionLeases;
}

/** What the client of a session asks for. */
export class SessionRequests {
  readonly #context: Context;
  readonly #caller: Caller;
  readonly #address: string;
  readonly #leases: SessionLeases;
  readonly #waiting = new Map<MessageId, Waiting>();
  #ended = false;

  constructor({ context, caller, address, leases }: SessionRequestsOptions) {
    this.#context = context;
    this.#caller = caller;
    this.#address = address;
    this.#leases = leases;
  }

  /** @throws what is to be told as a problem */
  async serve(message: SessionMessage): Promise<Answer> {
    switch (message.op) {
      case "acquire":
        return this.#acquire(message);
      case "release":
        return { released: await this.#context.release(message.semaphore, message.lease, this.#leases) };
      case "cancel":
        return this.#cancel(message);
      case "claim":
        return this.#claim(message);
      case "ping":
        return { at: Math.floor(performance.now()) };
    }
  }

  /** The places of those who wait stay for a while, unless the client has said goodbye. */
  end(ending: Ending, graceMs: number): void {
    this.#ended = true;
    const lingerMs = ending === "lost" || ending === "cut" ? graceMs : 0;
    // A sidecar that ends sends all of them away by itself.
    if (ending === "restart") return;
    for (const { acquire } of this.#waiting.values()) acquire?.forsake(lingerMs);
  }

  async #acquire(message: Of<"acquire">): Promise<AcquiredAnswer> {
    const { id } = message;
    if (this.#waiting.has(id))
      throw invalid("id", `another acquire with the id ${JSON.stringify(id)} still waits`);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { cancelled: false, cancel: reject };
      this.#waiting.set(id, waiting);
      this.#granted(message, waiting)
        .then(resolve, reject)
        .finally(() => {
          if (this.#waiting.get(id) === waiting) this.#waiting.delete(id);
        });
    });
  }

  async #granted(message: Of<"acquire">, waiting: Waiting): Promise<AcquiredAnswer> {
    const arrivedAt = performance.now();
    const { id: _id, op: _op, semaphore, idempotencyKey: key, ...fields } = message;
    const { store, custody, acquires } = this.#context;
    const asking = { semaphore, fields, key, caller: this.#caller, address: this.#address };
    const { request, ...asked } = askedOf(asking, store.maxLeaseMs);
    if (asked.named) await hasReadOn();
    if (this.#ended || waiting.cancelled) throw abortedProblem();
    if (this.#context.draining) throw drainingProblem();
    const onLost = custody.listener(semaphore, request.lease);
    const acquire = acquires.start({ ...asked, request: { ...request, onLost } });
    waiting.acquire = acquire;
    const grant = await acquire.grant;
    // Whoever has forsaken the acquire has also seen to its grant.
    if (this.#ended || waiting.cancelled) throw abortedProblem();
    acquire.told();
    custody.take(semaphore, grant, request.attempt, this.#leases);
    acquire.delivered();
    // Before the answer is made: counted from here, its time ends no later than it does.
    const at = Math.floor(performance.now());
    return { ...answerOf(grant, semaphore, arrivedAt), at };
  }

  #cancel({ request }: Of<"cancel">): CancelAnswer {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return { cancelled: false };
    this.#waiting.delete(request);
    waiting.cancelled = true;
    waiting.acquire?.forsake(0);
    waiting.cancel(abortedProblem());
    return { cancelled: true };
  }

  async #claim({ leases }: Of<"claim">): Promise<ClaimAnswer> {
    const { store, custody, acquires } = this.#context;
    await hasReadOn();
    if (this.#ended) throw abortedProblem();
    const attempt = newAttemptId();
    const bySemaphore = new Map<string, ClaimedLease[]>();
    for (const lease of leases) {
      const others = bySemaphore.get(lease.semaphore);
      if (others === undefined) bySemaphore.set(lease.semaphore, [lease]);
      else others.push(lease);
    }
    const results = new Map<string, RenewResult>();
    const claiming = [...bySemaphore].map(async ([semaphore, claimed]) => {
      const mayMake = acquires.mayMake(semaphore);
      const claims = claimed.map((lease) =>
        claimOf(lease, attempt, { maxLeaseMs: store.maxLeaseMs, mayMake }),
      );
      for (const result of await custody.claim(semaphore, claims, this.#leases)) {
        results.set(`${semaphore} ${result.lease}`, result);
      }
    });
    await allOrNothing(claiming, () => {
      // Its client does not know of them.
      for (const key of results.keys()) custody.letGo(...(key.split(" ") as [string, string]), this.#leases);
    });
    const at = performance.now();
    const answers = leases.map(({ semaphore, lease }) =>
      claimedAnswer(semaphore, lease, results.get(`${semaphore} ${lease}`), at),
    );
    return { at: Math.floor(at), leases: answers };
  }
}

/** Waits for all; where one fails, `undo` is called when the others have ended. @throws what it failed with */
async function allOrNothing(work: readonly Promise<void>[], undo: () => void): Promise<void> {
  const failed = (await Promise.allSettled(work)).find(({ status }) => status === "rejected");
  if (failed?.status !== "rejected") return;
  undo();
  throw failed.reason;
}

function claimedAnswer(semaphore: string, lease: string, result: RenewResult | undefined, at: number) {
  if (result?.renewed) {
    const expiresInMs = Math.max(0, Math.floor(result.validUntil - at));
    return { semaphore, lease, claimed: true, expiresInMs };
  }
  return { semaphore, lease, claimed: false, expiresInMs: 0, reason: result?.reason ?? ("lapsed" as const) };
}

function abortedProblem(): HttpProblem {
  return new HttpProblem("ACQUIRE_ABORTED", "the acquire was cancelled");
}
