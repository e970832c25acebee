import type { History } from "../history/history.js";
import { Sparkline } from "../history/sparkline.js";

interface TrendProps {
  readonly history: History | undefined;
  readonly now: number;
}

const frame = { width: 960, height: 120 };

/** A sparkline at its largest, with what its colours mean. */
export function Trend({ history, now }: TrendProps) {
  return (
    <figure class="trend">
      <Sparkline history={history} now={now} frame={frame} />
      <figcaption>
        <span class="axis">
          <span>two minutes ago</span>
          <span>now</span>
        </span>
        <span class="key in-use">in use</span>
        <span class="key waiting">while somebody waited</span>
        <span class="key limit">limit</span>
      </figcaption>
    </figure>
  );
}
