import type { SettingOf, TimeSeriesPanel } from "../schema/panel.js";
import { type About, eventInterval, type Line, overTime, semaphoreLinks, shared } from "./common.js";

type Custom = NonNullable<TimeSeriesPanel["fieldConfig"]["defaults"]["custom"]>;
type Setting = SettingOf<TimeSeriesPanel>;

export interface TimeSeries extends About {
  readonly unit: string;
  readonly lines: readonly Line[];
  /** Events that happen now and then are bars, on top of each other; the rest are lines. */
  readonly bars?: boolean;
  /** Settings of the lines of these names. */
  readonly named?: Readonly<Record<string, readonly Setting[]>>;
  /** Where the axis ends at the top unless values go beyond. */
  readonly softMax?: number;
  /** A line across the panel, from which on it is too much. */
  readonly warnFrom?: number;
  readonly decimals?: number;
  /** Where there is nothing to show, and that is good. */
  readonly nothing?: string;
  /** One such panel for each value of the variable. */
  readonly repeat?: string;
}

const line: Custom = { drawStyle: "line", lineInterpolation: "stepAfter", lineWidth: 1, fillOpacity: 8 };
const bar: Custom = {
  drawStyle: "bars",
  lineWidth: 0,
  fillOpacity: 70,
  stacking: { mode: "normal", group: "A" },
};

export function timeSeries(settings: TimeSeries): TimeSeriesPanel {
  const { lines, repeat, named = {} } = settings;
  return {
    type: "timeseries",
    ...shared(settings),
    ...(repeat === undefined ? {} : { repeat, repeatDirection: "h" as const, maxPerRow: 3 }),
    ...(settings.bars === true ? { interval: eventInterval } : {}),
    targets: overTime(lines),
    fieldConfig: {
      defaults: defaultsOf(settings),
      overrides: Object.entries(named).map(([name, properties]) => ({
        matcher: { id: "byName", options: name },
        properties: [...properties],
      })),
    },
    options: {
      legend: {
        showLegend: true,
        displayMode: "table",
        placement: "bottom",
        calcs: ["lastNotNull", "max"],
        sortBy: "Max",
        sortDesc: true,
      },
      tooltip: { mode: "multi", sort: "desc", hideZeros: settings.bars === true },
    },
  };
}

function defaultsOf({
  lines,
  unit,
  bars,
  softMax,
  warnFrom,
  decimals,
  nothing = "no data",
}: TimeSeries): TimeSeriesPanel["fieldConfig"]["defaults"] {
  return {
    unit,
    min: 0,
    ...(decimals === undefined ? {} : { decimals }),
    noValue: nothing,
    color: { mode: "palette-classic-by-name" },
    ...(lines.some(({ legend }) => legend === "{{semaphore}}")
      ? { links: semaphoreLinks("__field.labels.semaphore") }
      : {}),
    ...(warnFrom === undefined ? {} : { thresholds: warning(warnFrom) }),
    custom: {
      ...(bars === true ? bar : line),
      showPoints: "never",
      spanNulls: false,
      axisSoftMin: 0,
      ...(softMax === undefined ? {} : { axisSoftMax: softMax }),
      thresholdsStyle: { mode: warnFrom === undefined ? "off" : "line" },
    },
  };
}

function warning(value: number) {
  return {
    mode: "absolute" as const,
    steps: [
      { color: "transparent", value: null },
      { color: "orange", value },
    ],
  };
}

/** As a limit is drawn: a dashed line, with nothing below it. */
export const asLimit: readonly Setting[] = [
  { id: "color", value: { mode: "fixed", fixedColor: "red" } },
  { id: "custom.lineStyle", value: { fill: "dash", dash: [10, 6] } },
  { id: "custom.lineWidth", value: 2 },
  { id: "custom.fillOpacity", value: 0 },
];

export function coloured(fixedColor: string): readonly Setting[] {
  return [{ id: "color", value: { mode: "fixed", fixedColor } }];
}

/** Filled down to the axis: what is used of a limit. */
export function filled(fixedColor: string): readonly Setting[] {
  return [...coloured(fixedColor), { id: "custom.fillOpacity", value: 30 }];
}
