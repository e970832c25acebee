import { useMemo } from "preact/hooks";
import { useNarrow } from "../table/narrow.js";
import { Cell, type Column, Table } from "../table/table.js";
import { ageWords } from "../words/durations.js";
import { numberWords } from "../words/numbers.js";
import type { SeenWaiter } from "./inspection.js";
import { counted, matching } from "./lease-table.js";

interface WaiterTableProps {
  readonly waiters: readonly SeenWaiter[];
  /** Waits are told as of then, by the page's own clock. */
  readonly now: number;
  readonly filter: string;
}

const WIDE_ROW = 36;
const CARD = 60;

const columns: readonly Column[] = [
  { title: "Position", isNumber: true },
  { title: "Holder" },
  { title: "Permits", isNumber: true },
  { title: "Priority", isNumber: true },
  { title: "Waited", isNumber: true },
];

export function WaiterTable({ waiters, now, filter }: WaiterTableProps) {
  const shown = useMemo(() => matching(waiters, filter), [waiters, filter]);
  const rowHeight = useNarrow() ? CARD : WIDE_ROW;
  return (
    <section class="waiters-part">
      <h2>
        Waiters <span class="count">{counted(shown.length, waiters.length)}</span>
      </h2>
      {waiters.length === 0 && <p class="empty">Nobody waits.</p>}
      {waiters.length > 0 && shown.length === 0 && <p class="empty">No waiter has “{filter}” in its name.</p>}
      {shown.length > 0 && (
        <Table
          label="Waiters"
          kind="waiters"
          columns={columns}
          items={shown}
          rowHeight={rowHeight}
          keyOf={({ position }) => position}
          drawCells={(waiter) => <WaiterCells waiter={waiter} now={now} />}
        />
      )}
    </section>
  );
}

function WaiterCells({ waiter, now }: { readonly waiter: SeenWaiter; readonly now: number }) {
  const { position, holder, permits, priority, queuedSince } = waiter;
  return (
    <>
      <Cell kind="number position">{numberWords(position)}</Cell>
      <Cell kind="holder" title={holder}>
        {holder}
      </Cell>
      <Cell kind="number permits">{numberWords(permits)}</Cell>
      <Cell kind="number priority">{priority}</Cell>
      <Cell kind="number waited">{ageWords(now - queuedSince)}</Cell>
    </>
  );
}
