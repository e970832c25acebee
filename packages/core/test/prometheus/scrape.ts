import type { Registry } from "prom-client";

export interface Scrape {
  /** The value of one series, such as `sluice_limit{semaphore="openai"}`; undefined where it is absent. */
  value(series: string): number | undefined;
  /** The names of all metrics with their types. */
  readonly types: ReadonlyMap<string, string>;
  /** All values of the label `semaphore`. */
  readonly semaphores: ReadonlySet<string>;
}

/** Reads a registry as Prometheus does: the text, and nothing but the text. */
export async function scrape(registry: Registry): Promise<Scrape> {
  const lines = (await registry.metrics()).split("\n");
  const values = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of lines) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined && type !== undefined) types.set(name, type);
    const [, series, value] = /^([^#\s].*) (\S+)$/.exec(line) ?? [];
    if (series !== undefined) values.set(series, Number(value));
  }
  const semaphores = new Set(lines.flatMap((line) => /semaphore="([^"]*)"/.exec(line)?.[1] ?? []));
  return { value: (series) => values.get(series), types, semaphores };
}
