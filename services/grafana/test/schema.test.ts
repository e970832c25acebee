import { beforeAll, describe, expect, it } from "vitest";
import { compiled } from "./compiler.js";
import { dashboard, dashboardText, panels } from "./files.js";

/** Ways in which a field can be wrong: each is put into a copy of the dashboard. */
const wrongs: Readonly<Record<string, (copy: Loose) => void>> = {
  "a field of the dashboard that there is none of": (copy) => {
    copy.autoRefresh = true;
  },
  "a cursor that is shared in no known way": (copy) => {
    copy.graphTooltip = 3;
  },
  "a kind of panel that there is none of": (copy) => {
    firstOf(copy, "timeseries").type = "graph";
  },
  "a field of a panel that there is none of": (copy) => {
    firstOf(copy, "timeseries").fill = 1;
  },
  "a place in the grid without a width": (copy) => {
    delete firstOf(copy, "timeseries").gridPos.w;
  },
  "an option of a chart that there is none of": (copy) => {
    firstOf(copy, "timeseries").options.legend.show = true;
  },
  "an option that only a chart has": (copy) => {
    firstOf(copy, "stat").options.legend = { showLegend: true };
  },
  "an option of the heatmap in other words": (copy) => {
    firstOf(copy, "heatmap").options.color.mode = "spectrum";
  },
  "a missing option of the heatmap": (copy) => {
    delete firstOf(copy, "heatmap").options.tooltip;
  },
  "a field setting of a chart that there is none of": (copy) => {
    firstOf(copy, "timeseries").fieldConfig.defaults.custom.linewidth = 1;
  },
  "a field setting that is no choice": (copy) => {
    firstOf(copy, "timeseries").fieldConfig.defaults.custom.drawStyle = "steps";
  },
  "a field setting of a kind of panel that has none": (copy) => {
    firstOf(copy, "stat").fieldConfig.defaults.custom = { drawStyle: "line" };
  },
  "a colour scheme that there is none of": (copy) => {
    firstOf(copy, "stat").fieldConfig.defaults.color.mode = "threshold";
  },
  "a unit that is no text": (copy) => {
    firstOf(copy, "stat").fieldConfig.defaults.unit = 1;
  },
  "a threshold without a colour": (copy) => {
    delete firstOf(copy, "stat").fieldConfig.defaults.thresholds.steps[0].color;
  },
  "an override of a setting that there is none of": (copy) => {
    firstOf(copy, "table").fieldConfig.overrides[0].properties[0].id = "custom.cellWidth";
  },
  "an override with a value of another setting": (copy) => {
    firstOf(copy, "timeseries").fieldConfig.overrides[0].properties[0].value = 3;
  },
  "a cell that is shown in no known way": (copy) => {
    firstOf(copy, "table").fieldConfig.defaults.custom.cellOptions.type = "bar";
  },
  "a sorting of the table in other words": (copy) => {
    firstOf(copy, "table").options.sortBy[0].field = "Limit";
  },
  "an option of the timeline that there is none of": (copy) => {
    firstOf(copy, "state-timeline").options.rowGap = 1;
  },
  "a field of a query that there is none of": (copy) => {
    firstOf(copy, "timeseries").targets[0].query = "up";
  },
  "a query without an expression": (copy) => {
    delete firstOf(copy, "timeseries").targets[0].expr;
  },
  "a transformation in other words": (copy) => {
    firstOf(copy, "table").transformations[0].id = "join";
  },
  "a variable of a kind that there is none of": (copy) => {
    copy.templating.list[0].type = "data source";
  },
  "a field of a variable that there is none of": (copy) => {
    copy.templating.list[0].useTags = false;
  },
  "a field of an annotation that there is none of": (copy) => {
    copy.annotations.list[1].showIn = 0;
  },
  "a link without a title": (copy) => {
    delete copy.links[0].title;
  },
  "a row that is no row": (copy) => {
    firstOf(copy, "row").collapsed = "no";
  },
};

// biome-ignore lint/suspicious/noExplicitAny: a copy is there to be given what its type forbids.
type Loose = any;

const overridden = new Set(["table", "timeseries"]);

let faults: Record<string, string[]> = {};

beforeAll(async () => {
  const copies = Object.entries(wrongs).map(([name, wrong]) => [fileNameOf(name), withFault(wrong)]);
  faults = await compiled({ dashboard: dashboardText, ...Object.fromEntries(copies) });
}, 90_000);

it("the dashboard is of the types that Grafana publishes", () => {
  expect(faults.dashboard).toEqual([]);
});

describe("those types refuse", () => {
  it.each(Object.keys(wrongs))("%s", (name) => {
    expect(faults[fileNameOf(name)]).not.toEqual([]);
  });
});

it("a panel of each kind is in the dashboard, so that nothing above is left out", () => {
  const kinds = new Set(panels().map(({ type }) => type));
  expect([...kinds].sort()).toEqual(["heatmap", "stat", "state-timeline", "table", "timeseries"]);
});

function withFault(wrong: (copy: Loose) => void): string {
  const copy: Loose = structuredClone(dashboard);
  wrong(copy);
  return JSON.stringify(copy, undefined, 2);
}

/** The first one that has what is spoilt above: of charts and tables, one with overrides. */
function firstOf(copy: Loose, type: string): Loose {
  const found = copy.panels.find(
    (panel: Loose) =>
      panel.type === type && (panel.fieldConfig?.overrides.length !== 0 || !overridden.has(type)),
  );
  if (found === undefined) throw new Error(`no panel of the type ${type}`);
  return found;
}

function fileNameOf(name: string): string {
  return name.replaceAll(" ", "-");
}
