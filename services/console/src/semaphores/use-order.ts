import { useRef } from "preact/hooks";
import type { Semaphores } from "../fleet/fleet.js";
import { wants } from "../words/filter.js";
import { arranged, heldStill, type Order } from "./order.js";

/** Rows change places at most this often, in milliseconds. */
const SETTLE_MS = 3_000;

interface Arrangement {
  readonly names: readonly string[];
  readonly order: Order;
  readonly filter: string;
  readonly semaphores: Semaphores;
  readonly at: number;
  /** The rows stand where the numbers put them; otherwise they will, once they may change places again. */
  readonly isSettled: boolean;
}

export interface Wish {
  readonly order: Order;
  readonly filter: string;
  /** Somebody points at a row or is in it: rows stay where they are. */
  readonly isHeld: boolean;
}

/** The names in the order to be shown. It follows the wish at once, and the numbers from time to time. */
export function useOrder(
  semaphores: Semaphores,
  { order, filter, isHeld }: Wish,
  now: number,
): readonly string[] {
  const last = useRef<Arrangement | undefined>(undefined);
  const before = last.current;
  const isSameWish = before?.order === order && before.filter === filter;
  if (isSameWish && before.isSettled && before.semaphores === semaphores) return before.names;
  const isEarly = isSameWish && (isHeld || now - before.at < SETTLE_MS);
  const isWanted = wants(filter);
  const names = isEarly
    ? heldStill(before.names, semaphores, isWanted)
    : arranged(semaphores, order, isWanted, now);
  last.current = { names, order, filter, semaphores, at: isEarly ? before.at : now, isSettled: !isEarly };
  return names;
}
