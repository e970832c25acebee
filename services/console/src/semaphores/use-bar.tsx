import type { StatusAnswer } from "@sluice/client/shapes";
import { numberWords } from "../words/numbers.js";

/** Permits in use and the limit, as numbers and as a bar. */
export function UseBar({ status: { inUse, limit } }: { readonly status: StatusAnswer }) {
  const share = limit === 0 ? Math.sign(inUse) : Math.min(1, inUse / limit);
  const kind = inUse > limit ? "bar over" : inUse === limit && limit > 0 ? "bar full" : "bar";
  return (
    <>
      <span class="used" title={`${numberWords(inUse)} / ${numberWords(limit)}`}>
        {numberWords(inUse)} <span class="of">/ {numberWords(limit)}</span>
      </span>
      <span class={kind} aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </span>
    </>
  );
}
