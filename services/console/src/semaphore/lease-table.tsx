import { useEffect, useMemo, useRef } from "preact/hooks";
import { useNarrow } from "../table/narrow.js";
import { Cell, type Column, Table } from "../table/table.js";
import { ageWords, leftWords } from "../words/durations.js";
import { wants } from "../words/filter.js";
import { numberWords } from "../words/numbers.js";
import type { SeenLease } from "./inspection.js";

interface LeaseTableProps {
  readonly leases: readonly SeenLease[];
  /** Ages and what is left are told as of then, by the page's own clock. */
  readonly now: number;
  readonly filter: string;
  /** The fences of those that have been revoked from this page. */
  readonly revoked: ReadonlySet<number>;
  /** Asks whether to revoke one; undefined for callers that may not. */
  readonly ask: ((lease: SeenLease) => void) | undefined;
}

const WIDE_ROW = 36;
const CARD = 64;

const facts: readonly Column[] = [
  { title: "Holder" },
  { title: "Permits", isNumber: true },
  { title: "Held for", isNumber: true },
  { title: "Time left", isNumber: true },
  { title: "Fence", isNumber: true },
];

export function LeaseTable({ leases, now, filter, revoked, ask }: LeaseTableProps) {
  const shown = useMemo(() => matching(leases, filter), [leases, filter]);
  const rowHeight = useNarrow() ? CARD : WIDE_ROW;
  const heading = useFocusAfter(revoked);
  return (
    <section class="leases-part">
      <h2 ref={heading} tabIndex={-1}>
        Leases <span class="count">{counted(shown.length, leases.length)}</span>
      </h2>
      {leases.length === 0 && <p class="empty">Nobody holds a permit.</p>}
      {leases.length > 0 && shown.length === 0 && (
        <p class="empty">No lease’s holder has “{filter}” in its name.</p>
      )}
      {shown.length > 0 && (
        <Table
          label="Leases"
          kind={ask === undefined ? "leases" : "leases with-actions"}
          columns={ask === undefined ? facts : [...facts, { title: "Action", isNumber: true }]}
          items={shown}
          rowHeight={rowHeight}
          keyOf={({ fence }) => fence}
          drawCells={(lease) => (
            <LeaseCells lease={lease} now={now} isRevoked={revoked.has(lease.fence)} ask={ask} />
          )}
        />
      )}
    </section>
  );
}

interface LeaseCellsProps {
  readonly lease: SeenLease;
  readonly now: number;
  readonly isRevoked: boolean;
  readonly ask: LeaseTableProps["ask"];
}

function LeaseCells({ lease, now, isRevoked, ask }: LeaseCellsProps) {
  const { id, holder, permits, heldSince, endsAt, fence } = lease;
  return (
    <>
      <Cell kind="holder" title={holder}>
        {holder}
      </Cell>
      <Cell kind="number permits">{numberWords(permits)}</Cell>
      <Cell kind="number held">{ageWords(now - heldSince)}</Cell>
      <Cell kind="number left">{leftWords(endsAt - now)}</Cell>
      <Cell kind="number fence">{fence}</Cell>
      {ask !== undefined && (
        <Cell kind="action">
          {isRevoked && <span class="tag">revoked</span>}
          {!isRevoked && id !== undefined && (
            <button
              type="button"
              class="quiet"
              aria-label={`Revoke the lease of ${holder}…`}
              onClick={() => ask(lease)}
            >
              Revoke…
            </button>
          )}
        </Cell>
      )}
    </>
  );
}

/** The button that asked for a revocation is gone with it: whoever pressed it goes on from the heading. */
function useFocusAfter(revoked: ReadonlySet<number>) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (revoked.size > 0 && document.activeElement === document.body) heading.current?.focus();
  }, [revoked]);
  return heading;
}

/** The rows whose holder the filter wants. */
export function matching<Row extends { readonly holder: string }>(
  rows: readonly Row[],
  filter: string,
): readonly Row[] {
  const isWanted = wants(filter);
  return filter.trim() === "" ? rows : rows.filter(({ holder }) => isWanted(holder));
}

/** "12" or, filtered, "3 of 12" */
export function counted(shown: number, all: number): string {
  return shown === all ? numberWords(all) : `${numberWords(shown)} of ${numberWords(all)}`;
}
