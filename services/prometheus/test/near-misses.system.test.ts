import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promtool } from "@sluice/testkit/prometheus";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import {
  type AlertRule,
  alertRules,
  folder,
  groups,
  type RecordingRule,
  type Scenario,
  testFileAt,
  testFiles,
} from "./files.js";
import { mutantsOf } from "./promql.js";

/** An alert that lacks one of its conditions, under a name of its own. */
interface Changed {
  readonly name: string;
  readonly without: string;
  readonly rule: AlertRule;
}

const work = mkdtempSync(join(tmpdir(), "sluice-near-misses-"));
cpSync(join(folder, "tests"), join(work, "tests"), { recursive: true });
afterAll(() => rmSync(work, { recursive: true }));

describe.each(alertRules)("the unit tests of $alert", (rule) => {
  const changed = changesOf(rule);
  let output: string;

  beforeAll(async () => {
    output = await testedWith(rule, changed);
  }, 120_000);

  it.each(changed)("fail once it is without $without", ({ name }) => {
    expect(output).toContain(`alertname: ${name},`);
  });

  it("pass with it as it is", () => {
    expect(output).not.toContain(`alertname: ${rule.alert},`);
  });
});

/** What promtool says of the alert and of what came of it; all are asked for the same. */
async function testedWith(rule: AlertRule, changed: readonly Changed[]): Promise<string> {
  const alerts = [rule, ...changed.map((change) => change.rule)];
  const withChanged = groups.map(({ name, rules }) => ({
    name,
    rules: rules.flatMap((other): readonly (AlertRule | RecordingRule)[] => {
      if ("record" in other) return [other];
      return other.alert === rule.alert ? alerts : [];
    }),
  }));
  writeFileSync(join(work, `${rule.alert}.yml`), stringify({ groups: withChanged }));
  const files = testFiles.flatMap((file, index) => widened(file, index, rule, alerts));
  return (await promtool(["test", "rules", ...files], { timeoutMs: 110_000 })).output;
}

function changesOf(of: AlertRule): Changed[] {
  const { for: _for, ...atOnce } = of;
  const changes = [
    ...mutantsOf(of.expr).map(({ without, expr }) => ({ without, rule: { ...of, expr } })),
    ...(of.expr.includes('{semaphore!="other"}')
      ? [{ without: '{semaphore!="other"}', rule: { ...of, expr: ofOthersToo(of.expr) } }]
      : []),
    ...(of.for === undefined ? [] : [{ without: "its time", rule: atOnce }]),
    { without: "any chance", rule: { ...of, expr: `(${of.expr}) < -1` } },
  ];
  return changes.map(({ without, rule }, index) => {
    const name = `${of.alert}${index}`;
    return { name, without: without.replace(/\s+/g, " "), rule: { ...rule, alert: name } };
  });
}

function ofOthersToo(expr: string): string {
  return expr.replaceAll('{semaphore!="other"}', "");
}

/** A test file that asks of all these alerts what another one asks of the first; none where that asks nothing of it. */
function widened(file: string, index: number, { alert }: AlertRule, alerts: readonly AlertRule[]): string[] {
  const content = testFileAt(file);
  const asked = ({ alert_rule_test: cases = [], ...scenario }: Scenario): Scenario => {
    const own = cases.filter(({ alertname }) => alertname === alert);
    const all = own.flatMap((one) => alerts.map((other) => ({ ...one, alertname: other.alert })));
    return { ...scenario, alert_rule_test: all, promql_expr_test: [] };
  };
  const tests = content.tests.map(asked).filter(({ alert_rule_test: cases = [] }) => cases.length > 0);
  if (tests.length === 0) return [];
  const ruleFiles = content.rule_files.map((name) => (name === "../rules/*.yml" ? `../${alert}.yml` : name));
  const path = join(work, "tests", `${alert}-${index}.yml`);
  writeFileSync(path, stringify({ ...content, rule_files: ruleFiles, tests }));
  return [path];
}
