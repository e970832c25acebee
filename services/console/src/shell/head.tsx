import { useCell } from "../live/use-cell.js";
import type { Totals } from "../semaphores/totals.js";
import { numberWords } from "../words/numbers.js";
import { ConnectionMark } from "./connection-mark.js";
import { useDesk } from "./desk.js";
import { Mark } from "./mark.js";
import { home } from "./route.js";
import { ThemeChoice } from "./theme.js";

interface HeadProps {
  /** Undefined until they are told. */
  readonly totals: Totals | undefined;
}

export function Head({ totals }: HeadProps) {
  const { access, connectionState, signOut } = useDesk();
  const { token, asks } = useCell(access.admission);
  const state = useCell(connectionState);
  return (
    <header>
      <a class="brand" href={home}>
        <Mark />
        Sluice
      </a>
      {totals !== undefined && <TotalsList {...totals} />}
      <div class="controls">
        <ConnectionMark state={state} />
        <ThemeChoice />
        {token !== undefined && !asks && (
          <button type="button" class="quiet" onClick={signOut}>
            Sign out
          </button>
        )}
      </div>
    </header>
  );
}

function TotalsList({ semaphores, inUse, limit, waiting }: Totals) {
  return (
    <dl class="totals">
      <div>
        <dt>{semaphores === 1 ? "semaphore" : "semaphores"}</dt>
        <dd>{numberWords(semaphores)}</dd>
      </div>
      <div>
        <dt>permits in use</dt>
        <dd>
          {numberWords(inUse)} <span class="of">of {numberWords(limit)}</span>
        </dd>
      </div>
      <div class={waiting > 0 ? "some-wait" : ""}>
        <dt>waiting</dt>
        <dd>{numberWords(waiting)}</dd>
      </div>
    </dl>
  );
}
