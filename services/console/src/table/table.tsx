// biome-ignore-all lint/a11y/useSemanticElements: rows are placed by hand, which elements of a table do not survive in every browser
// biome-ignore-all lint/a11y/useFocusableInteractive: headers and rows are no controls; the buttons and links in them are
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RowHold } from "./hold.js";
import { useRows } from "./use-rows.js";

export interface Column {
  readonly title: string;
  /** Where the table can be sorted by it. */
  readonly sort?: { readonly isActive: boolean; readonly goesUp: boolean; choose(): void };
  readonly isNumber?: boolean;
}

export interface TableProps<Item> {
  readonly label: string;
  /** Names the columns' widths in the style sheet. */
  readonly kind: string;
  readonly columns: readonly Column[];
  readonly items: readonly Item[];
  /** In pixels, of every row. */
  readonly rowHeight: number;
  keyOf(item: Item): string | number;
  /** The cells of a row, one for each column. */
  drawCells(item: Item): ComponentChildren;
  readonly hold?: RowHold;
  /** How far it is scrolled, for when it is drawn again. */
  readonly place?: { top: number };
}

/** A table of any length, of which the rows in sight are drawn. The row with the focus is drawn wherever it is. */
export function Table<Item>(props: TableProps<Item>) {
  const { label, kind, columns, items, rowHeight, keyOf, drawCells, hold, place } = props;
  const [focused, setFocused] = useState<string | number>();
  const keptIndex = focused === undefined ? -1 : items.findIndex((item) => keyOf(item) === focused);
  const { pane, shown } = useRows(items, rowHeight, keptIndex);
  useScrollPlace(pane, place);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys, also without links in it
    <section class="pane" ref={pane} aria-label={`${label}, scrollable`} tabIndex={0}>
      <div class={`table ${kind}`} role="table" aria-label={label} aria-rowcount={items.length + 1}>
        <Head columns={columns} />
        <div
          class="rows"
          role="rowgroup"
          // Without the last row's line, below which the frame's comes.
          style={{ height: `${items.length * rowHeight - 1}px` }}
          onPointerMove={hold?.pointed}
          onPointerLeave={hold?.left}
          onFocusIn={hold?.focused}
          onFocusOut={() => setFocused(undefined)}
        >
          {shown.map(({ item, index, top }) => (
            <div
              key={keyOf(item)}
              class="row"
              role="row"
              aria-rowindex={index + 2}
              style={{ transform: `translateY(${top}px)`, height: `${rowHeight}px` }}
              onFocusIn={() => setFocused(keyOf(item))}
            >
              {drawCells(item)}
            </div>
          ))}
        </div>
      </div>
    </section>
  );
}

interface CellProps {
  readonly kind: string;
  /** The whole of what may be cut off. */
  readonly title?: string;
  readonly children?: ComponentChildren;
}

export function Cell({ kind, title, children }: CellProps) {
  return (
    <div class={`cell ${kind}`} role="cell" title={title}>
      {children}
    </div>
  );
}

function Head({ columns }: { readonly columns: readonly Column[] }) {
  return (
    <div class="head" role="rowgroup">
      <div class="row" role="row" aria-rowindex={1}>
        {columns.map((column) => (
          <ColumnHeader key={column.title} {...column} />
        ))}
      </div>
    </div>
  );
}

function ColumnHeader({ title, sort, isNumber = false }: Column) {
  const kind = isNumber ? "cell number" : "cell";
  if (sort === undefined) {
    return (
      <div class={kind} role="columnheader">
        {title}
      </div>
    );
  }
  const { isActive, goesUp, choose } = sort;
  const direction = goesUp ? "ascending" : "descending";
  return (
    <div class={kind} role="columnheader" aria-sort={isActive ? direction : "none"}>
      <button type="button" class="sort" onClick={choose}>
        {title}
        {isActive && <span aria-hidden="true">{goesUp ? " ↑" : " ↓"}</span>}
      </button>
    </div>
  );
}

function useScrollPlace(pane: { current: HTMLElement | null }, place: { top: number } | undefined): void {
  const placed = useRef(place);
  useLayoutEffect(() => {
    const { current: element } = pane;
    const { current: remembered } = placed;
    if (element === null || remembered === undefined) return;
    element.scrollTop = remembered.top;
    const remember = () => {
      remembered.top = element.scrollTop;
    };
    element.addEventListener("scroll", remember, { passive: true });
    return () => element.removeEventListener("scroll", remember);
  }, [pane]);
}
