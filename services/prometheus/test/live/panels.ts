import { readdirSync } from "node:fs";
import { join } from "node:path";
import { read, root } from "../files.js";
import { intervalS } from "./shipped.js";

interface Panel {
  readonly title?: string;
  readonly panels?: readonly Panel[];
  readonly targets?: readonly { readonly expr: string; readonly instant?: boolean }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: {
    readonly list: readonly { readonly name: string; readonly target?: { expr: string } }[];
  };
  readonly templating: { readonly list: readonly { readonly name: string; readonly query?: unknown }[] };
}

/** A query as Grafana sends it. */
export interface PanelQuery {
  readonly panel: string;
  /** As the dashboard has it, with its variables. */
  readonly written: string;
  readonly expr: string;
  /** Asked at one instant, and not over the range that is shown. */
  readonly instant: boolean;
}

export interface VariableQuery {
  readonly name: string;
  readonly series: string;
  readonly label: string;
}

const folder = "services/grafana/dashboards";
const dashboards = readdirSync(join(root, folder))
  .filter((name) => name.endsWith(".json"))
  .map((name): Dashboard => JSON.parse(read(`${folder}/${name}`)));

/** What the variables are when the dashboard opens on a range of `rangeS` with a point each `stepS`. */
export function queriesOfPanels(rangeS: number, stepS: number): PanelQuery[] {
  const sent = (expr: string) => interpolated(expr, rangeS, stepS);
  return dashboards.flatMap(({ panels, annotations }) => [
    ...allPanels(panels).flatMap(({ title = "", targets = [] }) =>
      targets.map(({ expr, instant = false }) => ({
        panel: title,
        written: expr,
        expr: sent(expr),
        instant,
      })),
    ),
    ...annotations.list.flatMap(({ name, target }) =>
      target === undefined
        ? []
        : [{ panel: `mark: ${name}`, written: target.expr, expr: sent(target.expr), instant: false }],
    ),
  ]);
}

export function queriesOfVariables(): VariableQuery[] {
  return dashboards.flatMap(({ templating }) =>
    templating.list.flatMap(({ name, query }) => {
      const text = (query as { query?: unknown } | undefined)?.query;
      const [, series = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(String(text)) ?? [];
      return series === "" ? [] : [{ name, series: interpolated(series, 60, 1), label }];
    }),
  );
}

function interpolated(expr: string, rangeS: number, stepS: number): string {
  const rateS = Math.max(stepS + intervalS, 4 * intervalS);
  return expr
    .replaceAll("$__rate_interval", `${rateS}s`)
    .replaceAll("$__interval", `${stepS}s`)
    .replaceAll("$__range", `${rangeS}s`)
    .replaceAll(/\$job\b|\$\{job\}/g, "sluice")
    .replaceAll(/\$semaphore\b|\$\{semaphore\}/g, ".+");
}

/** Those of collapsed rows, too. */
function allPanels(panels: readonly Panel[]): Panel[] {
  return panels.flatMap((panel) => [panel, ...allPanels(panel.panels ?? [])]);
}
