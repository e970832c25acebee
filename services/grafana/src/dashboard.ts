import { annotations } from "./annotations.js";
import { arrange } from "./grid.js";
import { each } from "./rows/each.js";
import { glance } from "./rows/glance.js";
import { losses } from "./rows/losses.js";
import { sidecars } from "./rows/sidecars.js";
import { store } from "./rows/store.js";
import { use } from "./rows/use.js";
import { waiting } from "./rows/waits.js";
import type { Dashboard } from "./schema/dashboard.js";
import { variables } from "./variables.js";

export const dashboard: Dashboard = {
  uid: "sluice",
  title: "Sluice",
  description:
    "Is the limit used well, who waits how long, what was lost, is the store healthy. docs/dashboards.md",
  tags: ["sluice"],
  // Given by the Grafana that loads it.
  id: null,
  version: 1,
  schemaVersion: 42,
  editable: true,
  graphTooltip: 1,
  refresh: "10s",
  time: { from: "now-1h", to: "now" },
  timepicker: { refresh_intervals: ["5s", "10s", "30s", "1m", "5m"] },
  timezone: "browser",
  fiscalYearStartMonth: 0,
  links: [
    {
      type: "link",
      title: "Console",
      tooltip: "Who holds, who waits; revoke and resize",
      url: `\${console:raw}`,
      icon: "external link",
      targetBlank: true,
      asDropdown: false,
      includeVars: false,
      keepTime: false,
      tags: [],
    },
  ],
  annotations: { list: annotations },
  templating: { list: variables },
  panels: arrange([
    { panels: glance },
    { heading: { id: 100, title: "Is the limit used well?" }, panels: use },
    { heading: { id: 101, title: "Who waits, and how long?" }, panels: waiting },
    { heading: { id: 102, title: "What was lost?" }, panels: losses },
    { heading: { id: 103, title: "Is the store healthy?" }, panels: store },
    { heading: { id: 104, title: "Are the sidecars well?" }, panels: sidecars },
    { heading: { id: 105, title: "Semaphore by semaphore", folded: true }, panels: each },
  ]),
};
