import { useEffect } from "preact/hooks";
import { useCell } from "../live/use-cell.js";
import { useDesk } from "./desk.js";

/** How long it stays, in milliseconds. */
const STAYS_MS = 12_000;

/** Says what has been done. It is there all the time: what is put into a live region is read, not the region itself. */
export function Announcer() {
  const { announcement } = useDesk();
  const text = useCell(announcement);
  useEffect(() => {
    if (text === "") return;
    const timer = setTimeout(() => announcement.set(""), STAYS_MS);
    return () => clearTimeout(timer);
  }, [announcement, text]);
  return (
    <output class={text === "" ? "announcer" : "announcer speaks"} aria-label="Result">
      {text}
    </output>
  );
}
