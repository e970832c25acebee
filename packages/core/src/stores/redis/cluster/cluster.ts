import { type SluiceError, StoreUnavailableError } from "../../../errors.js";
import type { StoreObserver } from "../../../store.js";
import { Arrivals } from "../arrivals.js";
import type { Scripts } from "../binding.js";
import { unavailable, withoutCommand } from "../call.js";
import { ownClientOptions } from "../client.js";
import { Connection } from "../connection.js";
import { faultOf } from "../faults.js";
import type { Link, Network, NetworkListener } from "../link.js";
import { Observers } from "../observers.js";
import { Mender } from "./mender.js";
import { Nodes } from "./nodes.js";
import { type LinkHost, SlotLink } from "./slot-link.js";
import { otherKeys, slotOf } from "./slots.js";
import { askForSlots, type ClusterSource } from "./source.js";
import { type Address, readMoved, Topology } from "./topology.js";

/** A call that a node sends on goes after it so often. */
const mostMoves = 3;
/** A node that moves many slots away says so for each of them. */
const listenAgainMs = 1_000;

export interface ClusterSetup {
  readonly source: ClusterSource;
  /** The name under which this process calls. */
  readonly process: string;
  readonly prefix: string;
  readonly scripts: Scripts;
  readonly assumeFresh: boolean;
  readonly listener: NetworkListener;
}

/**
 * The nodes of a Cluster: a connection to each master, with scripts of its own, and for each semaphore a link to the one
 * that keeps its slot. A node that is away takes only its own semaphores away.
 */
export class Cluster implements Network, LinkHost {
  readonly process: string;
  readonly prefix: string;
  cause: unknown;
  refusal: SluiceError | undefined;
  readonly #setup: ClusterSetup;
  readonly #listener: NetworkListener;
  readonly #nodes = new Nodes((address) => this.#connect(address));
  readonly #links = new Map<string, SlotLink>();
  readonly #observers = new Observers();
  readonly #arrivals = new Arrivals();
  readonly #mender = new Mender(
    () => this.#mend(),
    () => this.#isBroken(),
  );
  /** Those that have ended subscriptions by themselves. */
  readonly #unsubscribing = new Set<Connection>();
  /** Slots in which the script has answered: from then on a missing marker was lost. */
  readonly #answered = new Set<number>();
  #topology = new Topology();
  /** The node that has told it. */
  #toldBy: Address | undefined;
  /** The masters that were met first, which alone may be assumed fresh. */
  #firstMasters: ReadonlySet<Address> | undefined;
  #up: boolean | undefined;
  #closed = false;

  constructor(setup: ClusterSetup) {
    this.#setup = setup;
    this.process = setup.process;
    this.prefix = setup.prefix;
    this.#listener = setup.listener;
    this.mend();
  }

  link(semaphore: string): Link {
    const link = new SlotLink(semaphore, this);
    this.#links.set(semaphore, link);
    if (this.#topology.owner(link.slot) === undefined) this.mend();
    else void link.attach();
    return link;
  }

  unlink(semaphore: string): void {
    this.#links.get(semaphore)?.close();
    this.#links.delete(semaphore);
  }

  async reachable(): Promise<void> {
    if (!this.#nodes.someUp && this.#up === undefined && this.refusal === undefined) {
      await this.#arrivals.next();
    }
    if (this.refusal !== undefined) throw this.refusal;
    if (!this.#nodes.someUp) throw unavailable(this.cause);
  }

  inspect(key: string, request: string): Promise<string | null> {
    const semaphore = /\{(.*)\}/.exec(key)?.[1] ?? "";
    const others = otherKeys(this.prefix, semaphore);
    return this.#ask(slotOf(key), (node) => node.inspect(key, request, others));
  }

  call(command: string, key: string, ...args: (string | number)[]): Promise<unknown> {
    return this.#ask(slotOf(key), (node) => node.call(command, key, ...args));
  }

  /** Some node answers. */
  async ping(): Promise<void> {
    const nodes = this.#nodes.all().filter(({ up }) => up);
    await Promise.any(nodes.map((node) => node.ping())).catch((error: AggregateError) => {
      throw error.errors[0] ?? unavailable(this.cause);
    });
  }

  observe(observer: StoreObserver): () => void {
    return this.#observers.add(observer, this.#up === true);
  }

  observed(durationMs: number, operations: number): void {
    this.#observers.roundtrip(durationMs, operations);
  }

  close(): void {
    this.#closed = true;
    this.refusal ??= new StoreUnavailableError("the store is closed");
    this.#mender.close();
    this.#arrivals.tell();
    for (const node of this.#nodes.all()) node.close();
  }

  nodeOf(slot: number): Connection | undefined {
    const address = this.#topology.owner(slot);
    return address === undefined ? undefined : this.#nodes.at(address);
  }

  moved(node: Connection, error: unknown): boolean {
    const asked = this.#nodes.addressOf(node);
    const told = error instanceof Error && asked ? readMoved(error.message, asked) : undefined;
    this.mend();
    if (told === undefined) return false;
    const master = this.#setup.source.reached(told.master);
    if (this.#topology.owner(told.slot) === master) return true;
    if (this.#toldBy !== undefined) this.#nodes.doubt(this.#toldBy);
    this.#topology.assign(told.slot, master);
    this.#listener.begunAnotherLife();
    return true;
  }

  assumesFresh(slot: number, node: Connection): boolean {
    const isFirst = this.#firstMasters?.has(this.#nodes.addressOf(node) ?? "") === true;
    return this.#setup.assumeFresh && isFirst && node.isInFirstLife && !this.#answered.has(slot);
  }

  answered(slot: number): void {
    this.#answered.add(slot);
  }

  linkUp(link: SlotLink): void {
    this.#listener.connected(link.semaphore);
  }

  linkDown(link: SlotLink, cause: unknown): void {
    this.#listener.disconnected(cause, link.semaphore);
    this.mend();
  }

  mend(): void {
    this.#mender.wanted();
  }

  cutOff(node: Connection): void {
    const address = this.#nodes.addressOf(node);
    if (address !== undefined) this.#nodes.doubt(address);
  }

  async #mend(): Promise<void> {
    try {
      await this.#learnTopology();
      for (const link of this.#links.values()) link.seek();
    } catch (error) {
      this.#couldNotLearn(error);
    }
  }

  /** Waiting does not help: what is on its way tells when it has arrived. */
  #isBroken(): boolean {
    return this.#nodes.someAway || [...this.#links.values()].some(({ stuck }) => stuck);
  }

  async #learnTopology(): Promise<void> {
    let cause: unknown = new Error("no node of the Cluster is known");
    const known = new Set([...this.#topology.nodes(), ...this.#setup.source.seeds()]);
    for (const address of this.#nodes.byTrust(known)) {
      if (this.#closed) return;
      try {
        this.#take(new Topology(await askForSlots(this.#setup.source, address)));
        this.#toldBy = address;
        return;
      } catch (error) {
        cause = error;
        this.#nodes.doubt(address);
      }
    }
    throw cause;
  }

  #take(topology: Topology): void {
    if (this.#closed) return;
    const masters = topology.masters();
    if (masters.size === 0) throw new Error("the Cluster has no slots");
    const before = this.#topology;
    this.#topology = topology;
    this.#firstMasters ??= masters;
    if (topology.differs(before)) this.#listener.begunAnotherLife();
    for (const address of masters) this.#nodes.at(address);
    for (const node of this.#nodes.keep(masters)) this.#drop(node);
  }

  #drop(node: Connection): void {
    for (const link of this.#links.values()) if (link.isAt(node)) void link.attach();
    node.close();
  }

  #couldNotLearn(error: unknown): void {
    if (this.#closed) return;
    this.cause = withoutCommand(error);
    for (const link of this.#links.values()) if (!link.up) link.lost(this.cause);
    this.#tellAvailability();
    this.#arrivals.tell();
  }

  #connect(address: Address): Connection {
    const { source, process, scripts, assumeFresh } = this.#setup;
    const node: Connection = new Connection({
      client: source.client(address, { ...ownClientOptions, lazyConnect: true }),
      own: true,
      process,
      scripts,
      assumeFresh,
      inbox: undefined,
      unsubscribed: () => this.#listenAgain(node),
      listener: {
        connected: () => this.#nodeIsUp(node),
        disconnected: (cause) => this.#nodeIsDown(node, cause),
        begunAnotherLife: () => this.#listener.begunAnotherLife(),
        refused: (error) => this.#refuse(error),
        pushed: (text) => this.#listener.pushed(text),
      },
    });
    return node;
  }

  /** A slot may have come back to the node, which then knows of no subscription in it; which slots, it does not say. */
  #listenAgain(node: Connection): void {
    if (this.#unsubscribing.has(node)) return;
    this.#unsubscribing.add(node);
    const timer = setTimeout(() => {
      this.#unsubscribing.delete(node);
      for (const link of this.#links.values()) if (link.isAt(node)) void link.listenAgain();
    }, listenAgainMs);
    timer.unref();
  }

  #nodeIsUp(node: Connection): void {
    this.refusal = undefined;
    this.#arrivals.tell();
    this.#tellAvailability();
    for (const link of this.#links.values()) if (this.nodeOf(link.slot) === node) void link.attach();
  }

  #nodeIsDown(node: Connection, cause: unknown): void {
    this.cause = cause;
    this.#arrivals.tell();
    this.#tellAvailability();
    for (const link of this.#links.values()) if (link.isAt(node)) link.lost(cause);
    this.mend();
  }

  #refuse(error: SluiceError): void {
    this.refusal = error;
    this.#arrivals.tell();
    this.#listener.refused(error);
  }

  /** Told when it changes: the Cluster is up when all its masters are, and down when one of them is away. */
  #tellAvailability(): void {
    const up = this.#nodes.allUp;
    const down = this.#nodes.someAway;
    if (up) this.cause = undefined;
    if (up === this.#up || (!up && !down)) return;
    this.#up = up;
    this.#observers.availability(up ? { up } : { up, cause: this.cause });
  }

  /** Asks the node that keeps the slot, and the one that it names instead. */
  async #ask<Reply>(slot: number, ask: (node: Connection) => Promise<Reply>): Promise<Reply> {
    for (let moves = 0; ; moves += 1) {
      const node = await this.#keeper(slot);
      try {
        return await ask(node);
      } catch (error) {
        if (faultOf(error) !== "moved") throw error;
        if (!this.moved(node, error) || moves === mostMoves) throw unavailable(error);
      }
    }
  }

  async #keeper(slot: number): Promise<Connection> {
    await this.reachable();
    const node = this.nodeOf(slot);
    if (node === undefined) throw unavailable(new Error(`no node of the Cluster keeps slot ${slot}`));
    await node.reachable();
    return node;
  }
}
