import type { Alert, Labels, QueryAnswer, Rule, Sample, Series, Target } from "./answers.js";

export interface Range {
  /** In seconds since 1970. */
  readonly start: number;
  readonly end: number;
  /** Seconds between two points. */
  readonly step: number;
}

/** Asks a Prometheus by its HTTP API. Every call throws an Error with Prometheus's own words where it refuses. */
export class PrometheusApi {
  readonly url: string;

  /** @param url as `http://127.0.0.1:9090` */
  constructor(url: string) {
    this.url = url;
  }

  /** The answer to a query at an instant: `time` in seconds since 1970, now when left out. */
  async query(query: string, time?: number): Promise<QueryAnswer> {
    return answerIn(await this.#ask("query", time === undefined ? { query } : { query, time: `${time}` }));
  }

  async queryRange(query: string, { start, end, step }: Range): Promise<QueryAnswer> {
    const range = { start: `${start}`, end: `${end}`, step: `${step}` };
    return answerIn(await this.#ask("query_range", { query, ...range }));
  }

  /** The labels of all series that the selector finds. */
  async series(selector: string): Promise<readonly Labels[]> {
    return (await this.#ask<readonly Labels[]>("series", { "match[]": selector })).data;
  }

  async rules(): Promise<readonly Rule[]> {
    const { data } = await this.#ask<{ groups: { name: string; rules: Omit<Rule, "group">[] }[] }>("rules");
    return data.groups.flatMap(({ name, rules }) => rules.map((rule) => ({ ...rule, group: name })));
  }

  /** Those that are pending or firing. */
  async alerts(): Promise<readonly Alert[]> {
    return (await this.#ask<{ alerts: readonly Alert[] }>("alerts")).data.alerts;
  }

  async targets(): Promise<readonly Target[]> {
    return (await this.#ask<{ activeTargets: readonly Target[] }>("targets")).data.activeTargets;
  }

  /** True once it answers queries. */
  async isReady(): Promise<boolean> {
    const response = await fetch(`${this.url}/-/ready`);
    await response.arrayBuffer();
    return response.ok;
  }

  async #ask<Data>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<Reply<Data>> {
    const response = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const reply = (await response.json()) as Reply<Data> & { status: string; error?: string };
    if (reply.status !== "success") throw new Error(`${parameters.query ?? path}: ${reply.error}`);
    return reply;
  }
}

interface Reply<Data> {
  readonly data: Data;
  readonly warnings?: readonly string[];
}

interface Result {
  readonly resultType: QueryAnswer["resultType"];
  readonly result: readonly Series[] | Sample;
}

function answerIn({ data, warnings = [] }: Reply<unknown>): QueryAnswer {
  const { resultType, result } = data as Result;
  return { resultType, series: isSample(result) ? [{ metric: {}, value: result }] : result, warnings };
}

function isSample(result: Result["result"]): result is Sample {
  return typeof result[0] === "number";
}
