import { bounds, type Range } from "@sluice/core";
import { type Level, levels } from "./log.js";

const HOUR_MS = 3_600_000;

const prefixPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const prefixRule = "1 to 64 letters, digits, or . _ : -, a letter or digit first";

/** Everything that can be set, by environment variables. */
export interface Settings {
  /** `SLUICE_HOST`: the address to listen on; 127.0.0.1 when left out, which only this host reaches. */
  readonly host: string;
  /** `SLUICE_PORT`: 7077 when left out; 0 takes a free one. */
  readonly port: number;
  /** `REDIS_URL`: where the count lives; in this process when left out. */
  readonly redisUrl: string | undefined;
  /** `SLUICE_PREFIX`: what every key in Redis begins with; `sluice` when left out. */
  readonly prefix: string;
  /** `SLUICE_MAX_LEASE_MS`: the longest lease, in milliseconds; 15,000 when left out. */
  readonly maxLeaseMs: number;
  /** `SLUICE_ASSUME_FRESH`: a Redis that has started lately had nothing to lose; false when left out. */
  readonly assumeFresh: boolean;
  /** `SLUICE_DRAIN_MS`: how long a sidecar that is asked to end lets leases end first; 25,000 when left out. */
  readonly drainMs: number;
  /** `SLUICE_METRICS_MAX_SEMAPHORES`: how many semaphores have metrics of their own; 100 when left out. */
  readonly metricsMaxSemaphores: number;
  /** `SLUICE_LOG_LEVEL`: error, warn, info or debug; info when left out. */
  readonly logLevel: Level;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names every variable that has a bad value, and what was expected of it. */
export class SettingsError extends Error {
  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.name = "SettingsError";
  }
}

/** A variable that is empty counts as left out. @throws SettingsError */
export function readSettings(environment: Environment): Settings {
  const read = new Reader(environment);
  const settings: Settings = {
    host: read.text("SLUICE_HOST", /^[A-Za-z0-9.:_-]+$/, "a host name or an IP address", "127.0.0.1"),
    port: read.integer("SLUICE_PORT", { min: 0, max: 65_535 }, 7_077),
    redisUrl: read.redisUrl("REDIS_URL"),
    prefix: read.text("SLUICE_PREFIX", prefixPattern, prefixRule, "sluice"),
    maxLeaseMs: read.integer("SLUICE_MAX_LEASE_MS", { min: bounds.leaseMs.min, max: HOUR_MS }, 15_000),
    assumeFresh: read.flag("SLUICE_ASSUME_FRESH"),
    drainMs: read.integer("SLUICE_DRAIN_MS", { min: 0, max: HOUR_MS }, 25_000),
    metricsMaxSemaphores: read.integer("SLUICE_METRICS_MAX_SEMAPHORES", { min: 0, max: 10_000 }, 100),
    logLevel: read.oneOf("SLUICE_LOG_LEVEL", levels, "info"),
  };
  if (read.faults.length > 0) throw new SettingsError(read.faults);
  return settings;
}

/** Reads variables, and remembers what is wrong with them. */
class Reader {
  readonly faults: string[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  text(name: string, pattern: RegExp, expected: string, otherwise: string): string {
    return this.#read(name, otherwise, expected, (value) => (pattern.test(value) ? value : undefined));
  }

  integer(name: string, { min, max }: Range, otherwise: number): number {
    return this.#read(name, otherwise, `an integer from ${min} to ${max}`, (value) => {
      const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      return number >= min && number <= max ? number : undefined;
    });
  }

  flag(name: string): boolean {
    const values = new Map([
      ["1", true],
      ["true", true],
      ["0", false],
      ["false", false],
    ]);
    return this.#read(name, false, "1 or true, 0 or false", (value) => values.get(value.toLowerCase()));
  }

  oneOf<Value extends string>(name: string, values: readonly Value[], otherwise: Value): Value {
    return this.#read(name, otherwise, `one of ${values.join(", ")}`, (value) =>
      values.find((one) => one === value),
    );
  }

  /** A URL may hold a password, so what came is not repeated. */
  redisUrl(name: string): string | undefined {
    const url = this.#environment[name] || undefined;
    if (url === undefined) return undefined;
    if (/^rediss?:$/.test(URL.canParse(url) ? new URL(url).protocol : "")) return url;
    this.faults.push(`${name} must be a URL that begins with redis:// or rediss://`);
    return undefined;
  }

  #read<Value>(
    name: string,
    otherwise: Value,
    expected: string,
    parse: (value: string) => Value | undefined,
  ): Value {
    const value = this.#environment[name] || undefined;
    if (value === undefined) return otherwise;
    const parsed = parse(value);
    if (parsed === undefined) this.faults.push(`${name} must be ${expected}; got "${value}"`);
    return parsed ?? otherwise;
  }
}
