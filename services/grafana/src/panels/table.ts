import type { SettingOf, TablePanel } from "../schema/panel.js";
import { type About, now, semaphoreLinks, shared } from "./common.js";

type Setting = SettingOf<TablePanel>;

export interface Column {
  readonly title: string;
  readonly expr: string;
  readonly settings: readonly Setting[];
}

export interface Table extends About {
  /** The labels that make a row, each with the title of its column. */
  readonly rows: readonly {
    readonly label: string;
    readonly title: string;
    readonly settings: readonly Setting[];
  }[];
  readonly columns: readonly Column[];
  /** The title of the column that sorts the rows, the highest first. */
  readonly sortBy: string;
  readonly nothing?: string;
}

/** One row a series, from queries that have the same labels. */
export function table(settings: Table): TablePanel {
  const { rows, columns, sortBy, nothing = "no data" } = settings;
  const values = columns.map(({ title }, index) => [valueField(index, columns.length), title] as const);
  const fields = [...rows.map(({ label, title }) => [label, title] as const), ...values];
  return {
    type: "table",
    ...shared(settings),
    targets: now(
      columns.map(({ expr, title }) => ({ expr, legend: title })),
      "table",
    ),
    transformations: [
      { id: "merge", options: {} },
      {
        id: "organize",
        options: {
          excludeByName: { Time: true },
          indexByName: Object.fromEntries(fields.map(([name], index) => [name, index])),
          renameByName: Object.fromEntries(fields),
        },
      },
    ],
    fieldConfig: {
      defaults: {
        noValue: nothing,
        custom: { align: "auto", inspect: false, cellOptions: { type: "auto" } },
      },
      overrides: [...rows, ...columns]
        .filter(({ settings }) => settings.length > 0)
        .map((column) => ({
          matcher: { id: "byName", options: column.title },
          properties: [...column.settings],
        })),
    },
    options: {
      showHeader: true,
      cellHeight: "sm",
      frameIndex: 0,
      sortBy: [{ displayName: sortBy, desc: true }],
    },
  };
}

/** As Grafana names it: by the query's letter, where there is more than one. */
function valueField(index: number, count: number): string {
  return count === 1 ? "Value" : `Value #${String.fromCharCode("A".charCodeAt(0) + index)}`;
}

/** A bar from nothing to all, in the colour of its value. */
export const asShare: readonly Setting[] = [
  { id: "unit", value: "percentunit" },
  { id: "decimals", value: 0 },
  { id: "min", value: 0 },
  { id: "max", value: 1 },
  { id: "custom.cellOptions", value: { type: "gauge", mode: "basic", valueDisplayMode: "text" } },
  { id: "color", value: { mode: "thresholds" } },
  {
    id: "thresholds",
    value: {
      mode: "absolute",
      steps: [
        { color: "green", value: null },
        { color: "orange", value: 1 },
      ],
    },
  },
];

export function inUnit(unit: string, decimals?: number): readonly Setting[] {
  return [
    { id: "unit", value: unit },
    ...(decimals === undefined ? [] : [{ id: "decimals" as const, value: decimals }]),
  ];
}

/** Red from a value on. */
export function alarming(from: number): readonly Setting[] {
  return [
    { id: "custom.cellOptions", value: { type: "color-text" } },
    { id: "color", value: { mode: "thresholds" } },
    {
      id: "thresholds",
      value: {
        mode: "absolute",
        steps: [
          { color: "text", value: null },
          { color: "red", value: from },
        ],
      },
    },
  ];
}

/** The name of a semaphore leads to it: here, and in the console. */
export const ofOneSemaphore: readonly Setting[] = [
  { id: "custom.minWidth", value: 160 },
  { id: "links", value: semaphoreLinks("__value.text") },
];
