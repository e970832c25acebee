import type { StatusAnswer } from "@sluice/client/shapes";

/** What is out of the ordinary, in a word. */
export function Tags({ status: { limit, inUse, recovering } }: { readonly status: StatusAnswer }) {
  return (
    <>
      {recovering && <span class="tag">recovering</span>}
      {limit === 0 && <span class="tag">paused</span>}
      {limit > 0 && inUse > limit && <span class="tag">over its limit</span>}
    </>
  );
}
