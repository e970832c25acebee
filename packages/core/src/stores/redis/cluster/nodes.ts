import type { Connection } from "../connection.js";
import type { Address } from "./topology.js";

/** The connections to the masters of a Cluster, by their addresses. */
export class Nodes {
  readonly #connect: (address: Address) => Connection;
  readonly #known = new Map<Address, Connection>();
  readonly #doubtedAt = new Map<Address, number>();

  constructor(connect: (address: Address) => Connection) {
    this.#connect = connect;
  }

  get someUp(): boolean {
    return this.all().some(({ up }) => up);
  }

  get allUp(): boolean {
    return this.#known.size > 0 && this.all().every(({ up }) => up);
  }

  /** None is known, or one of them cannot be reached. */
  get someAway(): boolean {
    return this.#known.size === 0 || this.all().some(({ away }) => away);
  }

  all(): Connection[] {
    return [...this.#known.values()];
  }

  /** The connection to a master, which is made where there is none. */
  at(address: Address): Connection {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const node = this.#connect(address);
    this.#known.set(address, node);
    return node;
  }

  addressOf(node: Connection): Address | undefined {
    return [...this.#known].find(([, known]) => known === node)?.[0];
  }

  /** Keeps only connections to these. Returns the others, which are to be closed. */
  keep(addresses: ReadonlySet<Address>): Connection[] {
    const others = [...this.#known].filter(([address]) => !addresses.has(address));
    for (const [address] of others) this.#known.delete(address);
    return others.map(([, node]) => node);
  }

  /** A node does not answer, says that it is cut off, or another one contradicts it: what it tells may be old. */
  doubt(address: Address): void {
    this.#doubtedAt.set(address, performance.now());
  }

  /** Those doubted last come last; of others first those that are up, for one that does not answer takes a second. */
  byTrust(addresses: Iterable<Address>): Address[] {
    const doubtedAt = (address: Address) => this.#doubtedAt.get(address) ?? 0;
    const awayness = (address: Address) => (this.#known.get(address)?.up === true ? 0 : 1);
    return [...addresses].sort(
      (one, other) => doubtedAt(one) - doubtedAt(other) || awayness(one) - awayness(other),
    );
  }
}
