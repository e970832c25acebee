import { useState } from "preact/hooks";
import { now } from "../live/clock.js";

/** A pointer that rests for longer, in milliseconds, has been left lying there. */
const REST_MS = 10_000;

export interface RowHold {
  /** The pointer moves over the rows. */
  pointed(): void;
  left(): void;
  /** Something in a row has the focus, and would lose it by changing its place. */
  focused(event: FocusEvent): void;
  /** Whether the rows should stay where they are. */
  isHeld(now: number): boolean;
}

/** Whether somebody aims at the rows of a table, which then do not change places. */
export function useRowHold(): RowHold {
  const [hold] = useState(() => {
    let pointedAt = Number.NEGATIVE_INFINITY;
    let focus: EventTarget | null = null;
    return {
      pointed() {
        pointedAt = now();
      },
      left() {
        pointedAt = Number.NEGATIVE_INFINITY;
      },
      focused({ target }: FocusEvent) {
        focus = target;
      },
      isHeld: (time: number) =>
        time - pointedAt < REST_MS || (focus !== null && focus === document.activeElement),
    };
  });
  return hold;
}
