import type { SluiceError } from "../../../errors.js";
import { unavailable } from "../call.js";
import type { Connection } from "../connection.js";
import { faultOf } from "../faults.js";
import type { Link } from "../link.js";
import { otherKeys, slotInbox, slotOf } from "./slots.js";

/** What a link asks of the Cluster that it belongs to. */
export interface LinkHost {
  readonly process: string;
  readonly prefix: string;
  readonly cause: unknown;
  readonly refusal: SluiceError | undefined;
  /** The connection to the node that keeps the slot, where that is known. */
  nodeOf(slot: number): Connection | undefined;
  /** A node said that it does not keep the slot: looks where it is, and attaches every link that is not up. */
  moved(node: Connection, error: unknown): void;
  /** The node may not be the right one any more: looks where the slots are, and attaches every link that is not up. */
  mend(): void;
  /** The node says that it is cut off from the others: they know better where the slots are. */
  cutOff(node: Connection): void;
  assumesFresh(slot: number, node: Connection): boolean;
  /** The script has answered a call in this slot. */
  answered(slot: number): void;
  observed(durationMs: number, operations: number): void;
  linkUp(link: SlotLink): void;
  linkDown(link: SlotLink, cause: unknown): void;
}

/**
 * The way of one semaphore's calls to the node that keeps its slot now: up when that node is, and the semaphore's own
 * inbox is subscribed there.
 */
export class SlotLink implements Link {
  readonly semaphore: string;
  readonly slot: number;
  away = false;
  readonly #host: LinkHost;
  readonly #others: readonly string[];
  readonly #inbox: string;
  #node: Connection | undefined;
  #listens = false;
  #subscribing = false;
  /** Grows with each attempt to attach: an older one that comes late counts no more. */
  #attempt = 0;

  constructor(semaphore: string, host: LinkHost) {
    this.semaphore = semaphore;
    this.slot = slotOf(semaphore);
    this.#host = host;
    this.#others = otherKeys(host.prefix, semaphore);
    this.#inbox = slotInbox(host.prefix, semaphore, host.process);
  }

  get process(): string {
    return this.#host.process;
  }

  get up(): boolean {
    return this.#listens && this.#node?.up === true;
  }

  get cause(): unknown {
    return this.#node?.cause ?? this.#host.cause;
  }

  get refusal(): SluiceError | undefined {
    return this.#host.refusal ?? this.#node?.refusal;
  }

  get incarnation(): string {
    return this.#node?.incarnation ?? "";
  }

  get assumesFresh(): boolean {
    return this.#node !== undefined && this.#host.assumesFresh(this.slot, this.#node);
  }

  get knownForMs(): number {
    return this.#node?.knownForMs ?? 0;
  }

  /** It is not up, and nothing that is under way will change that. */
  get stuck(): boolean {
    if (this.up || this.#subscribing) return false;
    return this.#node === undefined || this.#node.away || this.#node.up;
  }

  isAt(node: Connection): boolean {
    return this.#node === node;
  }

  async apply(key: string, batch: string): Promise<unknown> {
    const node = this.#node;
    if (node === undefined) throw unavailable(this.cause);
    try {
      const reply = await node.apply(key, batch, this.#others);
      this.#host.answered(this.slot);
      return reply;
    } catch (error) {
      this.#learn(node, error);
      throw error;
    }
  }

  observed(durationMs: number, operations: number): void {
    this.#host.observed(durationMs, operations);
  }

  reset(): void {
    this.#node?.reset();
    this.#host.mend();
  }

  /** Attaches where it is neither up nor about to be. */
  seek(): void {
    if (this.up || (this.#subscribing && this.#host.nodeOf(this.slot) === this.#node)) return;
    void this.attach();
  }

  /** Goes to the node that keeps the slot, and listens there; `linkUp` tells when it does. */
  async attach(): Promise<void> {
    const attempt = this.#newAttempt();
    const node = this.#host.nodeOf(this.slot);
    if (node !== this.#node) this.#leave();
    this.#node = node;
    if (node?.up !== true) {
      if (node === undefined || node.away) this.lost(this.cause);
      return;
    }
    this.#subscribing = true;
    try {
      await node.subscribe(this.#inbox);
      if (attempt === this.#attempt) this.#arrive();
    } catch (error) {
      if (attempt === this.#attempt) this.#couldNotAttach(node, error);
    }
  }

  /** The node may have ended the subscription. What was pushed meanwhile is found as any push that is lost. */
  async listenAgain(): Promise<void> {
    const attempt = this.#attempt;
    const node = this.#node;
    if (!this.up || node === undefined) return;
    try {
      await node.subscribe(this.#inbox);
    } catch (error) {
      if (attempt === this.#attempt) this.#couldNotAttach(node, error);
    }
  }

  /** The node is gone, or not to be found. */
  lost(cause: unknown): void {
    this.#listens = false;
    if (this.away) return;
    this.away = true;
    this.#host.linkDown(this, cause);
  }

  close(): void {
    this.#newAttempt();
    this.#leave();
  }

  #newAttempt(): number {
    this.#subscribing = false;
    this.#attempt += 1;
    return this.#attempt;
  }

  #leave(): void {
    if (this.#node?.up === true) this.#node.unsubscribe(this.#inbox);
    this.#node = undefined;
    this.#listens = false;
  }

  #arrive(): void {
    this.#subscribing = false;
    this.#listens = true;
    this.away = false;
    this.#host.linkUp(this);
  }

  #couldNotAttach(node: Connection, error: unknown): void {
    this.#subscribing = false;
    this.#listens = false;
    if (faultOf(error) === "moved") {
      this.#host.moved(node, error);
      return;
    }
    if (isCutOff(error)) this.#host.cutOff(node);
    this.lost(error);
    this.#host.mend();
  }

  #learn(node: Connection, error: unknown): void {
    const fault = faultOf(error);
    if (fault === "busy") {
      if (isCutOff(error)) this.#host.cutOff(node);
      this.#host.mend();
    }
    if (fault !== "moved" || !this.isAt(node)) return;
    this.#listens = false;
    this.#host.moved(node, error);
  }
}

function isCutOff(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("CLUSTERDOWN");
}
