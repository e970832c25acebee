import type * as schema from "@grafana/schema";
import type * as heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as stateTimeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as timeSeries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
import type { Plain } from "./plain.js";
import type { PrometheusRef, Query } from "./query.js";

/** A link from a value; the published schema leaves it open. */
export interface DataLink {
  title: string;
  url: string;
  targetBlank: boolean;
}

/** The transformations in use; the published schema leaves their options open. */
export type Transformation =
  | { id: "merge"; options: Record<string, never> }
  | {
      id: "organize";
      options: {
        excludeByName: Record<string, boolean>;
        indexByName: Record<string, number>;
        renameByName: Record<string, string>;
      };
    };

export interface Field<Custom> extends Plain<Omit<schema.FieldConfig, "custom" | "links">> {
  custom?: Plain<Custom>;
  links?: DataLink[];
}

/** A field's setting by its id: `unit`, or `custom.width` where the kind of panel brings it. */
export type Property<Custom> = ValueOf<Omit<Field<Custom>, "custom">, ""> | ValueOf<Plain<Custom>, "custom.">;

type ValueOf<Settings, Prefix extends string> = {
  [Key in keyof Settings & string]-?: { id: `${Prefix}${Key}`; value: Exclude<Settings[Key], undefined> };
}[keyof Settings & string];

export interface Override<Custom> {
  /** A field by the name that is shown. */
  matcher: { id: "byName"; options: string };
  properties: Property<Custom>[];
}

type Common = Pick<schema.Panel, "gridPos" | "interval" | "maxPerRow" | "repeat" | "repeatDirection">;

export interface PanelOf<Kind extends string, Options, Custom> extends Plain<Common> {
  type: Kind;
  id: number;
  title: string;
  description: string;
  datasource: PrometheusRef;
  fieldConfig: { defaults: Field<Custom>; overrides: Override<Custom>[] };
  options: Plain<Options>;
  targets: Query[];
  transformations?: Transformation[];
}

export type TimeSeriesPanel = PanelOf<"timeseries", timeSeries.Options, timeSeries.FieldConfig>;
export type StatPanel = PanelOf<"stat", stat.Options, Record<string, never>>;
export type TablePanel = PanelOf<"table", schema.TableOptions, Partial<schema.TableFieldOptions>>;
export type HeatmapPanel = PanelOf<"heatmap", heatmap.Options, heatmap.FieldConfig>;
export type StateTimelinePanel = PanelOf<"state-timeline", stateTimeline.Options, stateTimeline.FieldConfig>;

/** What an override of such a panel may set. */
export type SettingOf<Kind extends Panel> = Kind["fieldConfig"]["overrides"][number]["properties"][number];

export type Panel = TimeSeriesPanel | StatPanel | TablePanel | HeatmapPanel | StateTimelinePanel;

export interface Row extends Plain<Pick<schema.RowPanel, "collapsed" | "gridPos" | "id" | "type">> {
  title: string;
  panels: Panel[];
}
