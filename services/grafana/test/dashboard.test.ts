import { describe, expect, it } from "vitest";
import { dashboard as source } from "../src/dashboard.js";
import type { Panel, Row } from "../src/schema/panel.js";
import { dashboard, dashboardText, isRow, panels, read } from "./files.js";

it("the file is what its source says: npm run dashboard writes it", () => {
  // In its own format: the linter's.
  expect(dashboard).toEqual(JSON.parse(JSON.stringify(source)));
});

it("a Grafana that has never seen it takes it, and knows it again later", () => {
  expect(dashboard).toMatchObject({ id: null, uid: "sluice", schemaVersion: 42 });
});

it("every panel and row has an id of its own", () => {
  const ids = [...dashboard.panels, ...panels()].map(({ id }) => id);
  const unique = new Set(ids);
  expect(unique.size).toBe(new Set([...dashboard.panels, ...panels()]).size);
});

it("every query of a panel has a letter of its own, and asks the Prometheus that is chosen", () => {
  for (const { title, targets, datasource } of panels()) {
    const letters = targets.map(({ refId }) => refId);
    expect(new Set(letters).size, title).toBe(letters.length);
    const chosen = { type: "prometheus", uid: `\${datasource}` };
    for (const asked of [datasource, ...targets.map((target) => target.datasource)])
      expect(asked, title).toEqual(chosen);
  }
});

it("every variable that is named is one", () => {
  const builtIn = [
    "__rate_interval",
    "__interval",
    "__range",
    "__value",
    "__field",
    "__url_time_range",
    "__all",
  ];
  const known = [...dashboard.templating.list.map(({ name }) => name), ...builtIn];
  const named = [...dashboardText.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name);
  expect([...new Set(named)].filter((name) => name === undefined || !known.includes(name))).toEqual([]);
});

it("a semaphore leads to its page in the console", () => {
  const path = `\${console:raw}/#/semaphores/`;
  expect(dashboardText.split(path).length).toBeGreaterThan(5);
  expect(read("services/console/src/shell/route.ts")).toContain('"#/semaphores/"');
});

describe("the grid", () => {
  const all = [
    ...dashboard.panels,
    ...dashboard.panels.flatMap((panel) => (isRow(panel) ? panel.panels : [])),
  ];

  it.each(all)("has a place for $title", (panel) => {
    const { x, w, h } = placeOf(panel);
    expect(x).toBeGreaterThanOrEqual(0);
    expect(x + w).toBeLessThanOrEqual(24);
    expect(Math.min(w, h)).toBeGreaterThan(0);
  });

  it("gives no place twice", () => {
    const overlapping = all.flatMap((one, index) =>
      all
        .slice(index + 1)
        .flatMap((other) => (overlap(one, other) ? [`${one.title} and ${other.title}`] : [])),
    );
    expect(overlapping).toEqual([]);
  });

  it("leaves no place empty to the right of a panel", () => {
    const tops = new Set(dashboard.panels.map((panel) => placeOf(panel).y));
    for (const top of tops) {
      const widths = dashboard.panels
        .filter((panel) => placeOf(panel).y === top)
        .map((panel) => placeOf(panel).w);
      expect(
        widths.reduce((sum, width) => sum + width, 0),
        `row ${top}`,
      ).toBe(24);
    }
  });
});

describe("the description of", () => {
  const anchors = headingsOf(read("docs/dashboards.md"));

  it.each(panels())("$title says what a bad picture means, and where more is said", ({ description }) => {
    expect(description).toMatch(
      /^\S.+\n\n\*\*When it looks bad:\*\* \S.+\n\nMore: docs\/dashboards\.md#[\w-]+$/,
    );
    const [, anchor = ""] = /docs\/dashboards\.md#([\w-]+)$/.exec(description) ?? [];
    expect(anchors).toContain(anchor);
  });

  it.each(panels())("$title names panels that are there", ({ description }) => {
    const titles = panels().map(({ title }) => title.split(",")[0]);
    for (const [, name] of description.matchAll(/`([A-Z][a-z][^`]+)`/g)) {
      if (name !== "Retry-After") expect(titles).toContain(name);
    }
  });
});

it("no panel is empty without a word", () => {
  for (const { title, type, fieldConfig } of panels())
    if (type !== "heatmap") expect(fieldConfig.defaults.noValue, title).toMatch(/\S/);
});

function placeOf({ gridPos }: Panel | Row): { x: number; y: number; w: number; h: number } {
  if (gridPos === undefined) throw new Error("no place");
  return gridPos;
}

function overlap(one: Panel | Row, other: Panel | Row): boolean {
  const [a, b] = [placeOf(one), placeOf(other)];
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

/** As GitHub names them. */
function headingsOf(document: string): string[] {
  return [...document.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replaceAll(" ", "-"),
  );
}
