/** Which part of a long list is seen. */
export interface Sight {
  /** How far the pane is scrolled, in pixels. */
  readonly top: number;
  /** Of the pane, in pixels. */
  readonly height: number;
}

/** Rows drawn above and below those that are seen, so that scrolling a little shows no gap. */
const MARGIN = 8;

/**
 * The indexes of the rows to draw: those in sight, some around them, and the one that is kept.
 *
 * @param count of all rows, each of them `rowHeight` pixels high
 * @param kept the index of a row that stays wherever the pane is scrolled to; -1 for none
 */
export function rowsInSight({ top, height }: Sight, count: number, rowHeight: number, kept = -1): number[] {
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight), count) - MARGIN);
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + MARGIN);
  const indexes = Array.from({ length: Math.max(0, end - first) }, (_, offset) => first + offset);
  if (kept < 0 || kept >= count) return indexes;
  if (kept < first) return [kept, ...indexes];
  return kept < end ? indexes : [...indexes, kept];
}
