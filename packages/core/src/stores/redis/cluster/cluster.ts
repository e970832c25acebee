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
import { type LinkHost, SlotLink } from "./slot-link.js";
import { otherKeys, slotOf } from "./slots.js";
import { askForSlots, type ClusterSource } from "./source.js";
import { type Address, readMoved, Topology } from "./topology.js";

/** The pause before looking again where the slots are, while something is not as it should be. */
const mendMs = { first: 50, longest: 1_000 };
/** A call that a node sends on goes after it so often. */
const mostMoves = 3;

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
  readonly #nodes = new Map<Address, Connection>();
  readonly #links = new Map<string, SlotLink>();
  readonly #observers = new Observers();
  readonly #arrivals = new Arrivals();
  /** Slots in which the script has answered: from then on a missing marker was lost. */
  readonly #answered = new Set<number>();
  #topology = new Topology();
  /** The masters that were met first, which alone may be assumed fresh. */
  #firstMasters: ReadonlySet<Address> | undefined;
  #up: boolean | undefined;
  #mending = false;
  #nextMend: NodeJS.Timeout | undefined;
  #mendedAt = Number.NEGATIVE_INFINITY;
  /** How often in a row it was looked in vain. */
  #fruitless = 0;
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
    if (!this.#someNodeIsUp() && this.#up === undefined && this.refusal === undefined) {
      await this.#arrivals.next();
    }
    if (this.refusal !== undefined) throw this.refusal;
    if (!this.#someNodeIsUp()) throw unavailable(this.cause);
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
    const nodes = [...this.#nodes.values()].filter(({ up }) => up);
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
    clearTimeout(this.#nextMend);
    this.#arrivals.tell();
    for (const node of this.#nodes.values()) node.close();
  }

  nodeOf(slot: number): Connection | undefined {
    const address = this.#topology.owner(slot);
    return address === undefined ? undefined : this.#node(address);
  }

  moved(node: Connection, error: unknown): boolean {
    const asked = this.#addressOf(node);
    const told = error instanceof Error && asked ? readMoved(error.message, asked) : undefined;
    this.mend();
    if (told === undefined) return false;
    const master = this.#setup.source.reached(told.master);
    if (this.#topology.owner(told.slot) === master) return true;
    this.#topology.assign(told.slot, master);
    this.#listener.begunAnotherLife();
    return true;
  }

  assumesFresh(slot: number, node: Connection): boolean {
    const isFirst = this.#firstMasters?.has(this.#addressOf(node) ?? "") === true;
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
    if (this.#closed || this.#mending || this.#nextMend !== undefined) return;
    const pauseMs = Math.min(mendMs.first * 2 ** this.#fruitless, mendMs.longest);
    const waitMs = Math.max(0, this.#mendedAt + pauseMs - performance.now());
    this.#nextMend = setTimeout(() => {
      this.#nextMend = undefined;
      void this.#mend();
    }, waitMs);
  }

  async #mend(): Promise<void> {
    this.#mending = true;
    try {
      await this.#learnTopology();
      await Promise.all([...this.#links.values()].filter(({ up }) => !up).map((link) => link.attach()));
    } catch (error) {
      this.#couldNotLearn(error);
    }
    this.#mending = false;
    this.#mendedAt = performance.now();
    this.#fruitless += 1;
    if (this.#isBroken()) this.mend();
    else this.#fruitless = 0;
  }

  /** Waiting does not help: what is on its way tells when it has arrived. */
  #isBroken(): boolean {
    const isAway = [...this.#nodes.values()].some(({ away }) => away);
    return this.#nodes.size === 0 || isAway || [...this.#links.values()].some(({ stuck }) => stuck);
  }

  async #learnTopology(): Promise<void> {
    let cause: unknown = new Error("no node of the Cluster is known");
    for (const address of this.#candidates()) {
      if (this.#closed) return;
      try {
        this.#take(new Topology(await askForSlots(this.#setup.source, address)));
        return;
      } catch (error) {
        cause = error;
      }
    }
    throw cause;
  }

  /** Those that are up first: a node that does not answer takes a second. */
  #candidates(): Address[] {
    const isUp = (address: Address) => this.#nodes.get(address)?.up === true;
    const known = [...new Set([...this.#topology.nodes(), ...this.#setup.source.seeds()])];
    return [...known.filter(isUp), ...known.filter((address) => !isUp(address))];
  }

  #take(topology: Topology): void {
    if (this.#closed) return;
    const masters = topology.masters();
    if (masters.size === 0) throw new Error("the Cluster has no slots");
    const before = this.#topology;
    this.#topology = topology;
    this.#firstMasters ??= masters;
    if (topology.differs(before)) this.#listener.begunAnotherLife();
    for (const address of masters) this.#node(address);
    for (const [address, node] of this.#nodes) {
      if (masters.has(address)) continue;
      this.#nodes.delete(address);
      for (const link of this.#links.values()) if (link.isAt(node)) void link.attach();
      node.close();
    }
  }

  #couldNotLearn(error: unknown): void {
    if (this.#closed) return;
    this.cause = withoutCommand(error);
    for (const link of this.#links.values()) if (!link.up) link.lost(this.cause);
    this.#tellAvailability();
    this.#arrivals.tell();
  }

  #node(address: Address): Connection {
    const known = this.#nodes.get(address);
    if (known !== undefined) return known;
    const { source, process, scripts, assumeFresh } = this.#setup;
    const client = source.client(address, { ...ownClientOptions, lazyConnect: true });
    const listener: NetworkListener = {
      connected: () => this.#nodeIsUp(node),
      disconnected: (cause) => this.#nodeIsDown(node, cause),
      begunAnotherLife: () => this.#listener.begunAnotherLife(),
      refused: (error) => this.#refuse(error),
      pushed: (text) => this.#listener.pushed(text),
    };
    const node = new Connection({
      client,
      own: true,
      process,
      scripts,
      assumeFresh,
      inbox: undefined,
      listener,
    });
    this.#nodes.set(address, node);
    return node;
  }

  #addressOf(node: Connection): Address | undefined {
    return [...this.#nodes].find(([, known]) => known === node)?.[0];
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

  #someNodeIsUp(): boolean {
    return [...this.#nodes.values()].some(({ up }) => up);
  }

  /** Told when it changes: the Cluster is up when all its masters are, and down when one of them is away. */
  #tellAvailability(): void {
    const nodes = [...this.#nodes.values()];
    const up = nodes.length > 0 && nodes.every((node) => node.up);
    const down = nodes.length === 0 || nodes.some(({ away }) => away);
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
