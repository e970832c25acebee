import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** services/prometheus. */
export const folder = fileURLToPath(new URL("..", import.meta.url));
export const root = join(folder, "../..");

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

export interface Group {
  readonly name: string;
  readonly rules: readonly (AlertRule | RecordingRule)[];
}

export interface AlertCase {
  readonly eval_time: string;
  readonly alertname: string;
  readonly exp_alerts?: readonly unknown[];
}

export interface Scenario {
  readonly name: string;
  readonly alert_rule_test?: readonly AlertCase[];
  readonly promql_expr_test?: readonly { readonly expr: string }[];
}

export interface TestFile {
  readonly rule_files: readonly string[];
  readonly group_eval_order: readonly string[];
  readonly tests: readonly Scenario[];
}

export const ruleFiles = filesIn("rules");
export const testFiles = filesIn("tests");

export const groups = ruleFiles.flatMap((file) => yamlIn<{ groups: Group[] }>(file).groups);
const rules = groups.flatMap((group) => group.rules);
export const alertRules = rules.filter((rule) => "alert" in rule);
export const recordingRules = rules.filter((rule) => "record" in rule);

/** What promtool is asked in a file of tests/. */
export function testFileAt(file: string): TestFile {
  return yamlIn<TestFile>(file);
}

export function read(pathFromRoot: string): string {
  return readFileSync(join(root, pathFromRoot), "utf8");
}

export function yamlIn<Content>(file: string): Content {
  return parse(readFileSync(file, "utf8"));
}

/** The YAML files right within a folder of services/prometheus. */
function filesIn(name: string): string[] {
  const within = readdirSync(join(folder, name)).filter((file) => file.endsWith(".yml"));
  return within.map((file) => join(folder, name, file));
}
