import { StoreIncompatibleError, StoreUnavailableError } from "../../errors.js";
import { faultOf } from "./faults.js";
import type { Reply, RunStart, WireAnswer } from "./wire.js";

/** One operation on its way to the server. */
export interface Call {
  /** Where it is given, `encode` returns a name that may go together with others. */
  readonly run: RunStart | undefined;
  /** It must be the first of its batch. */
  readonly startsBatch?: boolean | undefined;
  /** The operation's text, or undefined where there is nothing left to ask. */
  encode(): string | undefined;
  answered(answer: WireAnswer, reply: Reply): void;
  /** The connection was lost, or the server was too busy. True: ask again. */
  interrupted(cause: unknown): boolean;
  failed(error: Error): void;
}

/** How long an operation that can be repeated waits for a connection that was lost. */
export const patienceMs = 2_000;

export function unavailable(cause: unknown): StoreUnavailableError {
  // A host with several addresses fails with an error that has a code and no message of its own.
  const reason =
    cause instanceof Error ? `: ${cause.message || String(Object(cause).code ?? cause.name)}` : "";
  return new StoreUnavailableError(`Redis is unavailable${reason}`, { cause: withoutCommand(cause) });
}

/** What a caller is told of an error that a call came back with. */
export function errorOf(error: unknown): StoreUnavailableError | StoreIncompatibleError {
  if (error instanceof StoreUnavailableError || error instanceof StoreIncompatibleError) return error;
  if (faultOf(error) !== "incompatible") return unavailable(error);
  const message = error instanceof Error ? error.message.replace(/^INCOMPATIBLE /, "") : "";
  const cause = withoutCommand(error);
  return new StoreIncompatibleError(`the state in Redis is of a newer Sluice: ${message}`, { cause });
}

/** The error of a reply carries its whole command, be it with the names of leases or a password: nobody else's business. */
export function withoutCommand(error: unknown): unknown {
  if (error instanceof Error && "command" in error) delete error.command;
  return error;
}

/** How an operation goes to the server, where it is not alone and in its turn. */
export interface Manner {
  readonly run?: RunStart;
  readonly startsBatch?: boolean;
  /** Carry it out even after its caller was told that the store is away. */
  readonly outlives?: boolean;
  /** Asked when it is about to be sent; where it is not wanted any more it fails. */
  readonly wanted?: (() => boolean) | undefined;
}

/** What an answer means; a promise where the store has to ask once more. */
export type Read<Result> = (
  answer: WireAnswer,
  reply: Reply,
  repeated: boolean,
) => Result | PromiseLike<Result>;

/** An operation that means the same when it is repeated: it rides through a short loss of the connection. */
export class PatientCall<Result> implements Call {
  readonly run: RunStart | undefined;
  readonly startsBatch: boolean | undefined;
  readonly #text: string;
  readonly #read: Read<Result>;
  readonly #resolve: (result: Result | PromiseLike<Result>) => void;
  readonly #reject: (error: Error) => void;
  readonly #outlives: boolean;
  readonly #wanted: (() => boolean) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #repeated = false;
  #settled = false;

  constructor(
    text: string,
    read: Read<Result>,
    resolve: (result: Result | PromiseLike<Result>) => void,
    reject: (error: Error) => void,
    { run, startsBatch, outlives = false, wanted }: Manner,
  ) {
    this.run = run;
    this.startsBatch = startsBatch;
    this.#text = text;
    this.#read = read;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#outlives = outlives;
    this.#wanted = wanted;
  }

  encode(): string | undefined {
    if (this.#wanted?.() === false) this.failed(new StoreUnavailableError("the answer would come too late"));
    return this.#settled && !this.#outlives ? undefined : this.#text;
  }

  answered(answer: WireAnswer, reply: Reply): void {
    if (!this.#settle()) return;
    this.#resolve(this.#read(answer, reply, this.#repeated || reply.repeated));
  }

  interrupted(cause: unknown): boolean {
    this.#repeated = true;
    if (this.#settled) return this.#outlives;
    this.#timer ??= setTimeout(() => this.failed(unavailable(cause)), patienceMs);
    return true;
  }

  failed(error: Error): void {
    if (this.#settle()) this.#reject(error);
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    return true;
  }
}

/** An operation that no caller awaits: it is repeated until the server has carried it out. */
export class Errand implements Call {
  readonly run = undefined;
  readonly #text: string;
  readonly #done: (() => void) | undefined;

  constructor(text: string, done?: () => void) {
    this.#text = text;
    this.#done = done;
  }

  encode(): string {
    return this.#text;
  }

  answered(): void {
    this.#done?.();
  }

  interrupted(): boolean {
    return true;
  }

  failed(): void {}
}
