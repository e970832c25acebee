import type { HeatmapPanel } from "../schema/panel.js";
import { type About, eventInterval, overTime, shared } from "./common.js";

export interface Heatmap extends About {
  readonly unit: string;
  /** Cumulative buckets, by `le`. */
  readonly expr: string;
}

/** How many there were in each bucket, over time. */
export function heatmap(settings: Heatmap): HeatmapPanel {
  return {
    type: "heatmap",
    ...shared(settings),
    interval: eventInterval,
    targets: overTime([{ expr: settings.expr, legend: "{{le}}" }], "heatmap"),
    fieldConfig: { defaults: { custom: { scaleDistribution: { type: "linear" } } }, overrides: [] },
    options: {
      calculate: false,
      cellGap: 1,
      cellValues: { decimals: 0 },
      color: {
        mode: "scheme",
        scheme: "Oranges",
        fill: "dark-orange",
        exponent: 0.5,
        steps: 64,
        reverse: false,
      },
      exemplars: { color: "rgba(255,0,255,0.7)" },
      // An empty bucket is no colour, not a pale one.
      filterValues: { le: 1e-9 },
      legend: { show: true },
      rowsFrame: { layout: "auto", value: "acquires" },
      showValue: "never",
      tooltip: { mode: "single", showColorScale: true, yHistogram: true },
      yAxis: { axisPlacement: "left", unit: settings.unit, reverse: false },
    },
  };
}
