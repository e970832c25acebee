import { useNow } from "../live/clock.js";
import { ageWords } from "../words/durations.js";

/** How old what is shown is. @param at by the page's own clock */
export function AsOf({ at }: { readonly at: number }) {
  return <span class="as-of">as of {ageWords(useNow() - at)} ago</span>;
}
