/** What Prometheus's HTTP API answers; what the tests do not look at is left out. */

/** A point in time in seconds, and a value, which may be "NaN" or "+Inf". */
export type Sample = readonly [timestamp: number, value: string];

export type Labels = Readonly<Record<string, string>>;

/** One time series of an answer: `value` of an instant, `values` of a range. */
export interface Series {
  readonly metric: Labels;
  readonly value?: Sample;
  readonly values?: readonly Sample[];
}

export interface QueryAnswer {
  readonly resultType: "vector" | "matrix" | "scalar" | "string";
  /** Scalars and strings are given as one series without labels. */
  readonly series: readonly Series[];
  /** What Prometheus found odd about the query. */
  readonly warnings: readonly string[];
}

export interface Alert {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly state: "pending" | "firing";
  readonly value: string;
}

export interface Rule {
  readonly type: "recording" | "alerting";
  readonly name: string;
  readonly query: string;
  /** Seconds of `for`, of alerts alone. */
  readonly duration?: number;
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly alerts?: readonly Alert[];
  readonly state?: "inactive" | "pending" | "firing";
  /** "unknown" until it was evaluated for the first time. */
  readonly health: "ok" | "err" | "unknown";
  readonly lastError?: string;
  readonly group: string;
}

export interface Target {
  readonly labels: Labels;
  readonly scrapeUrl: string;
  /** "unknown" until it was scraped for the first time. */
  readonly health: "up" | "down" | "unknown";
  readonly lastError: string;
  readonly scrapeInterval: string;
}
