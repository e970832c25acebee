import { numberWords } from "../words/numbers.js";
import { type History, WINDOW_MS } from "./history.js";
import { type Frame, outlineOf } from "./outline.js";

interface SparklineProps {
  readonly history: History | undefined;
  /** The right edge, by the page's own clock. */
  readonly now: number;
  readonly frame: Frame;
}

/** The permits in use over the last two minutes, under the limit; in another colour where somebody waited. */
export function Sparkline({ history, now, frame }: SparklineProps) {
  const from = now - WINDOW_MS;
  const { inUse, waiting, limit } = outlineOf(history?.since(from) ?? [], from, now, frame);
  return (
    <svg
      class="sparkline"
      role="img"
      aria-label={labelOf(history)}
      viewBox={`0 0 ${frame.width} ${frame.height}`}
      preserveAspectRatio="none"
    >
      <path class="in-use" d={inUse} />
      <path class="waiting" d={waiting} />
      <path class="limit" d={limit} />
    </svg>
  );
}

function labelOf(history: History | undefined): string {
  const latest = history?.latest;
  if (!latest?.isKnown) return "Permits in use, not known";
  return `Permits in use in the last two minutes, now ${numberWords(latest.inUse)} of ${numberWords(latest.limit)}`;
}
