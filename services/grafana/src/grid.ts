import type { Panel, Row } from "./schema/panel.js";

const columns = 24;

/** A heading, and the panels below it. */
export interface Section {
  /** Of the heading: left out, the panels have none. */
  readonly heading?: { readonly id: number; readonly title: string; readonly folded?: boolean };
  readonly panels: readonly Panel[];
}

/** The sections below each other; within each, panels from left to right, and on the next line where none fits. */
export function arrange(sections: readonly Section[]): (Panel | Row)[] {
  const placed: (Panel | Row)[] = [];
  let top = 0;
  for (const { heading, panels } of sections) {
    const start = heading === undefined ? top : top + 1;
    const below = panelsFrom(start, panels);
    // Grafana wants the panels of a folded row inside of it, and those of an open one after it.
    const folded = heading?.folded === true;
    if (heading !== undefined) placed.push(rowAt(top, heading, folded ? below : []));
    if (!folded) placed.push(...below);
    top = folded ? start : bottomOf(below);
  }
  return placed;
}

function rowAt(y: number, { id, title }: { id: number; title: string }, panels: Panel[]): Row {
  return {
    type: "row",
    id,
    title,
    collapsed: panels.length > 0,
    gridPos: { x: 0, y, w: columns, h: 1 },
    panels,
  };
}

function panelsFrom(top: number, panels: readonly Panel[]): Panel[] {
  let [x, y, height] = [0, top, 0];
  return panels.map((panel) => {
    const { w = 0, h = 0 } = panel.gridPos ?? {};
    if (x + w > columns) [x, y, height] = [0, y + height, 0];
    const placed = { ...panel, gridPos: { x, y, w, h } };
    x += w;
    height = Math.max(height, h);
    return placed;
  });
}

function bottomOf(panels: readonly Panel[]): number {
  return Math.max(...panels.map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)));
}
