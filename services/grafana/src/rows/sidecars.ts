import { inUnit, table } from "../panels/table.js";
import { timeSeries } from "../panels/time-series.js";
import { highest, ofProcesses, quantile, rate } from "../promql.js";
import type { Panel } from "../schema/panel.js";

const more = "are-the-sidecars-well";
const requests = "sluice_http_request_duration_seconds";

export const sidecars: Panel[] = [
  timeSeries({
    id: 50,
    title: "Requests, by route",
    shows: "Requests that ended, a second, of the ten busiest routes.",
    bad: "A route that suddenly gets many: callers that retry without waiting (`Retry-After` says how long).",
    more,
    size: [8, 8],
    unit: "reqps",
    lines: [
      {
        legend: "{{method}} {{route}}",
        expr: highest(rate(ofProcesses(`${requests}_count`), "method, route")),
      },
    ],
    nothing: "no requests",
  }),
  timeSeries({
    id: 51,
    title: "Request time, p95, by route",
    shows:
      "95% of a route's requests ended sooner. An acquire waits for its permit in here, and a hold lasts as long as its lease.",
    bad: "Slow routes that wait for nobody, such as a release: the store or the sidecar is slow.",
    more,
    size: [8, 8],
    unit: "s",
    lines: [
      {
        legend: "{{method}} {{route}}",
        expr: highest(quantile(0.95, ofProcesses(`${requests}_bucket`), "method, route")),
      },
    ],
    nothing: "no requests",
  }),
  timeSeries({
    id: 52,
    title: "Refused and failed, by status",
    shows: "Requests a second that were answered with 4xx or 5xx, by route. 499 is a caller that hung up.",
    bad: "429: waits are longer than callers bear. 401, 403: a token or a Host header. 503: the store is away or recovers. 500: a fault of ours; the log has it whole.",
    more,
    size: [8, 8],
    unit: "reqps",
    bars: true,
    lines: [
      {
        legend: "{{status}} {{route}}",
        expr: highest(rate(ofProcesses(`${requests}_count`, 'status=~"[45].."'), "status, route")),
      },
    ],
    nothing: "none",
  }),
  timeSeries({
    id: 53,
    title: "Sessions, by sidecar",
    shows: "WebSocket sessions that are open.",
    bad: "A drop to nothing: a sidecar restarted, or callers lost the way to it. They claim what they held at the next one.",
    more,
    size: [8, 8],
    unit: "short",
    decimals: 0,
    lines: [{ legend: "{{instance}}", expr: `sum by (instance) (${ofProcesses("sluice_sessions")})` }],
  }),
  timeSeries({
    id: 54,
    title: "Event loop lag, p99, by process",
    shows: "How late the process gets to what is due.",
    bad: "Near a third of a lease: renewals come too late, and leases lapse. Give the process more CPU, or less to do.",
    more,
    size: [8, 8],
    unit: "s",
    lines: [
      {
        legend: "{{instance}}",
        expr: highest(`max by (instance) (${ofProcesses("nodejs_eventloop_lag_p99_seconds")})`),
      },
    ],
  }),
  timeSeries({
    id: 55,
    title: "CPU, by process",
    shows: "Cores in use. Node computes on one.",
    bad: "Near 1: the process is as fast as it gets. Run one more sidecar.",
    more,
    size: [8, 8],
    unit: "none",
    decimals: 2,
    lines: [
      {
        legend: "{{instance}}",
        expr: highest(rate(ofProcesses("process_cpu_seconds_total"), "instance")),
      },
    ],
  }),
  timeSeries({
    id: 56,
    title: "Memory, by process",
    shows: "Resident memory.",
    bad: "It grows for days at the same load: a leak, or ever more semaphores.",
    more,
    size: [8, 8],
    unit: "bytes",
    lines: [
      {
        legend: "{{instance}}",
        expr: highest(`max by (instance) (${ofProcesses("process_resident_memory_bytes")})`),
      },
    ],
  }),
  table({
    id: 57,
    title: "Sidecars",
    shows: "What runs, and for how long.",
    bad: "Two versions outside a deployment, or one that has been up for minutes among others that have been up for days.",
    more,
    size: [16, 8],
    rows: [
      { label: "instance", title: "Sidecar", settings: [] },
      { label: "version", title: "Version", settings: [] },
    ],
    columns: [
      {
        title: "Up for",
        expr: `max by (instance, version) ((time() - ${ofProcesses("process_start_time_seconds")}) * on (job, instance) group_right () ${ofProcesses("sluice_build_info")})`,
        settings: inUnit("s", 0),
      },
    ],
    sortBy: "Up for",
  }),
];
