import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type PrometheusServer, startPrometheus } from "@sluice/testkit/prometheus";
import { parse, stringify } from "yaml";
import { type AlertRule, type RecordingRule, read, ruleFiles } from "../files.js";

interface Config {
  readonly global: object;
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly ScrapeConfig[];
}

interface ScrapeConfig {
  readonly job_name: string;
  readonly authorization?: object;
  readonly static_configs: readonly object[];
}

interface Rules {
  readonly groups: readonly {
    readonly name: string;
    readonly rules: readonly (AlertRule | RecordingRule)[];
  }[];
}

/** How often it scrapes and evaluates, in seconds; as shipped it is 15. */
export const intervalS = 1;

/**
 * A Prometheus with the configuration that is shipped, but for targets, intervals, the path of the token, and the time
 * that an alert must have been true for: that is a second.
 */
export async function startShippedPrometheus(targets: readonly string[], tokenFile: string) {
  const folder = mkdtempSync(join(tmpdir(), "sluice-shipped-"));
  const shipped: Config = parse(read("services/prometheus/prometheus.yml"));
  const config = (self: string) =>
    stringify({
      ...shipped,
      global: { scrape_interval: `${intervalS}s`, evaluation_interval: `${intervalS}s` },
      rule_files: ruleFiles.map((file) => impatient(file, folder)),
      scrape_configs: shipped.scrape_configs.map((scrape) =>
        scrape.job_name === "sluice"
          ? {
              ...scrape,
              authorization: { ...scrape.authorization, credentials_file: tokenFile },
              static_configs: [{ targets }],
            }
          : { ...scrape, static_configs: [{ targets: [self] }] },
      ),
    });
  const server: PrometheusServer = await startPrometheus({ config });
  const stop = async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  };
  return { server, stop };
}

function impatient(file: string, folder: string): string {
  const { groups }: Rules = parse(readFileSync(file, "utf8"));
  const path = join(folder, basename(file));
  const hurried = groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => ("for" in rule ? { ...rule, for: `${intervalS}s` } : rule)),
  }));
  writeFileSync(path, stringify({ groups: hurried }));
  return path;
}
