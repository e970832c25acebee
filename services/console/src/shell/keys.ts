import { useEffect } from "preact/hooks";
import { FILTER_MARK } from "../table/filter-box.js";

/** The key `/` leads to the first filter, unless somebody is typing or is being asked something. */
export function useFilterKey(): void {
  useEffect(() => {
    const follow = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target))
        return;
      const filter = document.querySelector<HTMLInputElement>(`[${FILTER_MARK}]`);
      if (filter === null) return;
      event.preventDefault();
      filter.focus();
      filter.select();
    };
    document.addEventListener("keydown", follow);
    return () => document.removeEventListener("keydown", follow);
  }, []);
}

function isTaken(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, select, textarea, dialog") !== null;
}
