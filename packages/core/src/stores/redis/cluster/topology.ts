import { slotCount } from "./slots.js";

/** "host:port" of a node. */
export type Address = string;

export function addressOf(host: string, port: number): Address {
  return `${host}:${port}`;
}

export function partsOf(address: Address): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

/** Where each slot is kept, as far as this process knows. */
export class Topology {
  readonly #owners = new Array<Address | undefined>(slotCount);
  readonly #replicas: readonly Address[];

  constructor(ranges: readonly SlotRange[] = []) {
    for (const { from, to, master } of ranges) this.#owners.fill(master, from, to + 1);
    this.#replicas = ranges.flatMap(({ replicas }) => replicas);
  }

  owner(slot: number): Address | undefined {
    return this.#owners[slot];
  }

  assign(slot: number, master: Address): void {
    this.#owners[slot] = master;
  }

  /** Some slot that was kept is now kept elsewhere. */
  differs(before: Topology): boolean {
    return this.#owners.some(
      (owner, slot) => before.owner(slot) !== undefined && before.owner(slot) !== owner,
    );
  }

  /** The nodes that keep a slot. */
  masters(): Set<Address> {
    const masters = new Set(this.#owners);
    masters.delete(undefined);
    return masters as Set<Address>;
  }

  /** All nodes, which can tell where the slots are. */
  nodes(): Set<Address> {
    return new Set([...this.masters(), ...this.#replicas]);
  }
}

export interface SlotRange {
  readonly from: number;
  readonly to: number;
  readonly master: Address;
  readonly replicas: readonly Address[];
}

type Node = readonly [host: string | null, port: number];

/** Reads the reply to CLUSTER SLOTS. @param asked the host that replied, which may not know its own name */
export function readSlots(reply: unknown, asked: string): SlotRange[] {
  const address = ([host, port]: Node) =>
    addressOf(host === null || host === "" || host === "?" ? asked : host, port);
  return (reply as [number, number, Node, ...Node[]][]).map(([from, to, master, ...replicas]) => ({
    from,
    to,
    master: address(master),
    replicas: replicas.map(address),
  }));
}

/** Where the error MOVED says that a slot is. @param asked the node that said it */
export function readMoved(message: string, asked: Address): { slot: number; master: Address } | undefined {
  const [, slot, host, port] = /^MOVED (\d+) (\S*):(\d+)/.exec(message) ?? [];
  if (slot === undefined || port === undefined) return undefined;
  const named = host === undefined || host === "" || host === "?" ? partsOf(asked).host : host;
  return { slot: Number(slot), master: addressOf(named, Number(port)) };
}
