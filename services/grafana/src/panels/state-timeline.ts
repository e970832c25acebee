import type { StateTimelinePanel } from "../schema/panel.js";
import { type About, type Line, overTime, shared } from "./common.js";

export interface StateTimeline extends About {
  readonly lines: readonly Line[];
  /** What each value is called, and its colour. */
  readonly states: Readonly<Record<string, { readonly text: string; readonly color: string }>>;
}

export function stateTimeline(settings: StateTimeline): StateTimelinePanel {
  const { lines, states } = settings;
  const options = Object.fromEntries(
    Object.entries(states).map(([value, state], index) => [value, { ...state, index }]),
  );
  return {
    type: "state-timeline",
    ...shared(settings),
    targets: overTime(lines),
    fieldConfig: {
      defaults: {
        noValue: "no data",
        color: { mode: "thresholds" },
        mappings: [{ type: "value", options }],
        custom: { fillOpacity: 70, lineWidth: 0 },
      },
      overrides: [],
    },
    options: {
      alignValue: "left",
      mergeValues: true,
      rowHeight: 0.9,
      showValue: "auto",
      legend: { showLegend: false, displayMode: "list", placement: "bottom", calcs: [] },
      tooltip: { mode: "single", sort: "none" },
    },
  };
}
