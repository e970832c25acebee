import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Dashboard } from "../src/schema/dashboard.js";
import type { Panel, Row } from "../src/schema/panel.js";

export const folder = fileURLToPath(new URL("..", import.meta.url));
export const root = fileURLToPath(new URL("../../..", import.meta.url));

export const dashboardText = read("services/grafana/dashboards/sluice.json");
/** As the file has it: what Grafana gets, not what the source says. */
export const dashboard: Dashboard = JSON.parse(dashboardText);

/** @param path from the root of the repository */
export function read(path: string): string {
  return readFileSync(`${root}${path}`, "utf8");
}

export function isRow(panel: Panel | Row): panel is Row {
  return panel.type === "row";
}

/** Every panel, those in folded rows as well. */
export function panels(): Panel[] {
  return dashboard.panels.flatMap((panel) => (isRow(panel) ? panel.panels : [panel]));
}

export interface Asked {
  /** The panel, annotation or variable that asks. */
  readonly by: string;
  readonly expr: string;
}

/** Every expression of the dashboard. */
export function asked(): Asked[] {
  const byPanels = panels().flatMap(({ title, targets }) => targets.map(({ expr }) => ({ by: title, expr })));
  const byAnnotations = dashboard.annotations.list.flatMap(({ name, target }) =>
    target === undefined ? [] : [{ by: name, expr: target.expr }],
  );
  return [...byPanels, ...byAnnotations];
}

/** The series that variables take their values from. */
export function sources(): Asked[] {
  return dashboard.templating.list.flatMap(({ name, query }) => {
    const [, expr] = typeof query === "string" ? [] : (/^label_values\((.*), \w+\)$/.exec(query.query) ?? []);
    return expr === undefined ? [] : [{ by: `the variable ${name}`, expr }];
  });
}
