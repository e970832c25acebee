import { useState } from "preact/hooks";
import type { Semaphores } from "../fleet/fleet.js";
import { useNow } from "../live/clock.js";
import { useCell } from "../live/use-cell.js";
import { AsOf } from "../shell/as-of.js";
import { useDesk } from "../shell/desk.js";
import { Heading } from "../shell/heading.js";
import { FilterBox } from "../table/filter-box.js";
import { useRowHold } from "../table/hold.js";
import { useNarrow } from "../table/narrow.js";
import { type Column, Table } from "../table/table.js";
import { countWords } from "../words/numbers.js";
import { NoSemaphores } from "./no-semaphores.js";
import type { Order } from "./order.js";
import { OrderChoice } from "./order-choice.js";
import { SemaphoreCells } from "./semaphore-cells.js";
import { useOrder } from "./use-order.js";

/** What somebody was looking at, for when they come back from a semaphore's page. */
const lastSeen = { filter: "", order: "trouble" as Order, place: { top: 0 } };

const WIDE_ROW = 44;
const CARD = 92;

interface SemaphoresPageProps {
  /** When what is shown was so, by the page's own clock; undefined where it is live. */
  readonly asOf: number | undefined;
}

export function SemaphoresPage({ asOf }: SemaphoresPageProps) {
  const { semaphores } = useCell(useDesk().fleet);
  if (semaphores === undefined) return <Unknown />;
  return <SemaphoresTold semaphores={semaphores} asOf={asOf} />;
}

function Unknown() {
  return (
    <>
      <Heading>Semaphores</Heading>
      <p class="empty">Nothing has been told yet.</p>
    </>
  );
}

interface SemaphoresProps extends SemaphoresPageProps {
  readonly semaphores: Semaphores;
}

function SemaphoresTold({ semaphores, asOf }: SemaphoresProps) {
  const { histories, heard } = useDesk();
  const [filter, setFilter] = useRemembered("filter");
  const [order, setOrder] = useRemembered("order");
  const ticking = useNow();
  const now = asOf ?? Math.max(ticking, heard.at);
  const hold = useRowHold();
  const rowHeight = useNarrow() ? CARD : WIDE_ROW;
  const names = useOrder(semaphores, { order, filter, isHeld: hold.isHeld(ticking) }, now);
  const drawCells = (name: string) => {
    const told = semaphores.get(name);
    return told && <SemaphoreCells told={told} history={histories.of(name)} now={now} />;
  };
  return (
    <>
      <div class="above">
        <Heading>Semaphores</Heading>
        {asOf !== undefined && <AsOf at={asOf} />}
        {filter !== "" && <p class="matches">{countWords(names.length, "match", "matches")}</p>}
        <OrderChoice order={order} choose={setOrder} />
        <FilterBox label="Filter semaphores" value={filter} change={setFilter} />
      </div>
      {semaphores.size === 0 && <NoSemaphores />}
      {semaphores.size > 0 && names.length === 0 && (
        <p class="empty">No semaphore has “{filter}” in its name.</p>
      )}
      {names.length > 0 && (
        <Table
          label="Semaphores"
          kind="semaphores"
          columns={columnsFor(order, setOrder)}
          items={names}
          rowHeight={rowHeight}
          keyOf={(name) => name}
          drawCells={drawCells}
          hold={hold}
          place={lastSeen.place}
        />
      )}
    </>
  );
}

function columnsFor(order: Order, choose: (order: Order) => void): Column[] {
  const sortedBy = (column: Order) => ({
    isActive: order === column,
    goesUp: column === "name",
    choose: () => choose(column),
  });
  return [
    { title: "Name", sort: sortedBy("name") },
    { title: "Last two minutes" },
    { title: "In use", sort: sortedBy("use") },
    { title: "Waiting", sort: sortedBy("waiting"), isNumber: true },
    { title: "Longest wait", sort: sortedBy("wait"), isNumber: true },
  ];
}

function useRemembered<Name extends "filter" | "order">(name: Name) {
  type Value = (typeof lastSeen)[Name];
  const [value, setValue] = useState<Value>(lastSeen[name]);
  const remember = (next: Value) => {
    lastSeen[name] = next;
    setValue(next);
  };
  return [value, remember] as const;
}
