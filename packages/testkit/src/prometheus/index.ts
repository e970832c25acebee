export type { Alert, Labels, QueryAnswer, Rule, Sample, Series, Target } from "./answers.js";
export { PrometheusApi, type Range } from "./api.js";
export { type PrometheusProgram, pathOf } from "./binaries.js";
export { type PromtoolOptions, type PromtoolOutcome, promtool } from "./promtool.js";
export { type PrometheusOptions, type PrometheusServer, startPrometheus } from "./server.js";
