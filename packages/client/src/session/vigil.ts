import { Alarm } from "@sluice/core";

export interface VigilOptions {
  /** For how long the peer may say nothing before it is asked for a sign of life. */
  readonly quietMs: () => number;
  /** For how long it may owe one. */
  readonly patienceMs: () => number;
  readonly ask: () => void;
  /** It has not answered; it may yet. Called again for as long as it does not. */
  readonly onSilence: () => void;
}

/** Notices when a peer has gone silent. Keeps no process alive. */
export class Vigil {
  readonly #options: VigilOptions;
  /** After a blocked loop the timer comes before what has arrived meanwhile, which is read first. */
  readonly #alarm = new Alarm(() => setImmediate(() => this.#look()), { keepsAlive: false });
  #heardAt = performance.now();
  /** By when it should have answered; undefined while nothing is asked. */
  #answerBy: number | undefined;
  #silent = false;
  #ended = false;

  constructor(options: VigilOptions) {
    this.#options = options;
    this.#alarm.set(this.#heardAt + options.quietMs());
  }

  /** Whether it was asked, and did not answer in time. */
  get silent(): boolean {
    return this.#silent;
  }

  heard(): void {
    this.#silent = false;
    this.#heardAt = performance.now();
    this.#answerBy = undefined;
  }

  /** Looks no later than in `ms`: something has begun for which the peer is needed. */
  lookWithin(ms: number): void {
    const at = performance.now() + ms;
    if (at < this.#alarm.at && !this.#ended) this.#alarm.set(at);
  }

  end(): void {
    this.#ended = true;
    this.#alarm.clear();
  }

  #look(): void {
    if (this.#ended) return;
    const now = performance.now();
    const wasAsked = this.#answerBy !== undefined;
    const dueAt = this.#answerBy ?? this.#heardAt + this.#options.quietMs();
    if (now < dueAt) {
      this.#alarm.set(dueAt);
      return;
    }
    this.#answerBy = now + this.#options.patienceMs();
    this.#alarm.set(this.#answerBy);
    if (!wasAsked) this.#options.ask();
    else {
      this.#silent = true;
      this.#options.onSilence();
    }
  }
}
