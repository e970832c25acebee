import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { rowsInSight, type Sight } from "./window.js";

/** A guess for the first drawing, before the pane has been measured. */
const UNMEASURED: Sight = { top: 0, height: 800 };

/** Scrolling by less than this, in pixels, draws nothing: the rows around those in sight are drawn already. */
const STEP = 32;

export interface ShownRow<Item> {
  readonly item: Item;
  readonly index: number;
  /** From the top of all rows, in pixels. */
  readonly top: number;
}

/** Of any number of rows of one height those that are to be drawn now. `pane` is the element that scrolls. */
export function useRows<Item>(items: readonly Item[], rowHeight: number, keptIndex: number) {
  const pane = useRef<HTMLDivElement>(null);
  const [sight, setSight] = useState(UNMEASURED);
  useLayoutEffect(() => {
    const { current: element } = pane;
    if (element === null) return;
    const look = () => {
      const top = Math.floor(element.scrollTop / STEP) * STEP;
      setSight((before) => sameOr(before, { top, height: element.clientHeight }));
    };
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  const shown: ShownRow<Item>[] = [];
  for (const index of rowsInSight(sight, items.length, rowHeight, keptIndex)) {
    const item = items[index];
    if (item !== undefined) shown.push({ item, index, top: index * rowHeight });
  }
  return { pane, shown };
}

function sameOr(before: Sight, now: Sight): Sight {
  return before.top === now.top && before.height === now.height ? before : now;
}
