import { useEffect, useState } from "preact/hooks";

const narrow = matchMedia("(max-width: 44rem)");

/** Whether rows are drawn as cards, because the window is as narrow as a phone. As in the style sheet. */
export function useNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(narrow.matches);
  useEffect(() => {
    const look = () => setNarrow(narrow.matches);
    narrow.addEventListener("change", look);
    return () => narrow.removeEventListener("change", look);
  }, []);
  return isNarrow;
}
