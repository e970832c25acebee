import type { DataLink, Panel } from "../schema/panel.js";
import type { PrometheusRef, Query } from "../schema/query.js";

export const prometheus: PrometheusRef = { type: "prometheus", uid: `\${datasource}` };

/** What every panel says of itself. */
export interface About {
  /** Stays the same for the life of the panel: links and screenshots name it. */
  readonly id: number;
  readonly title: string;
  /** What the picture is of. */
  readonly shows: string;
  /** What a bad picture means, and what to do then. */
  readonly bad: string;
  /** The heading of docs/dashboards.md that says more, as an anchor. */
  readonly more: string;
  /** In columns of 24, and in rows of 30 pixels. */
  readonly size: readonly [width: number, height: number];
}

export interface Line {
  readonly expr: string;
  /** `{{label}}` stands for the label's value. */
  readonly legend: string;
}

type Shared = Pick<Panel, "id" | "title" | "description" | "datasource" | "gridPos">;

/** The place within its row is given by the grid. */
export function shared({ id, title, shows, bad, more, size: [w, h] }: About): Shared {
  const description = `${shows}\n\n**When it looks bad:** ${bad}\n\nMore: docs/dashboards.md#${more}`;
  return { id, title, description, datasource: prometheus, gridPos: { x: 0, y: 0, w, h } };
}

/**
 * Between two points that count events. The window of a rate is four scrapes or longer: points that are closer would show
 * each event several times.
 */
export const eventInterval = "1m";

/** Values over the time range. */
export function overTime(lines: readonly Line[], format: Query["format"] = "time_series"): Query[] {
  return queries(lines, { format, instant: false, range: true });
}

/** The values of now: a line that has ended is no value of now. */
export function now(lines: readonly Line[], format: Query["format"] = "time_series"): Query[] {
  return queries(lines, { format, instant: true, range: false });
}

function queries(lines: readonly Line[], kind: Pick<Query, "format" | "instant" | "range">): Query[] {
  return lines.map(({ expr, legend }, index) => ({
    refId: String.fromCharCode("A".charCodeAt(0) + index),
    datasource: prometheus,
    editorMode: "code",
    expr,
    legendFormat: legend,
    ...kind,
  }));
}

/**
 * Where a semaphore that is shown leads to: it alone on this dashboard, and its page in the console, which knows who
 * holds and who waits.
 *
 * @param name what Grafana puts in for its name
 */
export function semaphoreLinks(name: "__value.text" | "__field.labels.semaphore"): DataLink[] {
  const kept = ["datasource:queryparam", "job:queryparam", "console:queryparam", "__url_time_range"]
    .map((variable) => `\${${variable}}`)
    .join("&");
  return [
    { title: "This semaphore alone", url: `/d/sluice?${kept}&var-semaphore=\${${name}}`, targetBlank: false },
    { title: "Holders and waiters", url: `\${console:raw}/#/semaphores/\${${name}}`, targetBlank: true },
  ];
}
