import { useEffect, useReducer, useRef } from "preact/hooks";
import type { Cell } from "./cell.js";

/** Draws the component again when the cell changes; in a hidden tab not before it is seen again. */
export function useCell<Value>(cell: Cell<Value>): Value {
  const [, drawAgain] = useReducer((times: number, _: undefined) => times + 1, 0);
  const drawn = useRef(cell.value);
  drawn.current = cell.value;
  useEffect(() => {
    const draw = () => {
      if (!document.hidden && !Object.is(drawn.current, cell.value)) drawAgain(undefined);
    };
    const ignore = cell.listen(draw);
    document.addEventListener("visibilitychange", draw);
    // What has changed since the drawing.
    draw();
    return () => {
      ignore();
      document.removeEventListener("visibilitychange", draw);
    };
  }, [cell]);
  return cell.value;
}
