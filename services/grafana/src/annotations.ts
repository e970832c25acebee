import { prometheus } from "./panels/common.js";
import { ofSemaphores, stored } from "./promql.js";
import type { Annotation } from "./schema/dashboard.js";

/** Marks on every panel that has time: what explains a change of the picture. */
export const annotations: Annotation[] = [
  {
    builtIn: 1,
    name: "Annotations & Alerts",
    type: "dashboard",
    datasource: { type: "grafana", uid: "-- Grafana --" },
    enable: true,
    hide: true,
    iconColor: "rgba(0, 211, 255, 1)",
  },
  {
    name: "Recovery",
    datasource: prometheus,
    enable: true,
    hide: false,
    iconColor: "orange",
    target: { refId: "Recovery", expr: `max(${stored("sluice_recovery_active")}) > 0`, legendFormat: "" },
    titleFormat: "Recovery",
    textFormat: "Nothing is granted until leases from before are claimed or have lapsed",
    tagKeys: "",
  },
  {
    name: "Limit changed",
    datasource: prometheus,
    enable: true,
    hide: false,
    iconColor: "blue",
    target: {
      refId: "Limit",
      expr: `max by (semaphore) (changes(${ofSemaphores("sluice_limit")}[$__rate_interval])) > 0`,
      legendFormat: "{{semaphore}}",
    },
    titleFormat: "Limit changed",
    textFormat: "{{semaphore}}",
    tagKeys: "semaphore",
  },
];
