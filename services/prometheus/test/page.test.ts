import { describe, expect, it } from "vitest";
import { alertRules, read, recordingRules } from "./files.js";

const page = read("docs/alerts.md");
const sections = page.split(/^## /m).slice(1);
const titles = sections.map((section) => section.split("\n")[0]);
const recorded: readonly string[] = recordingRules.map(({ record }) => record);

describe("the page of alerts", () => {
  it("has a section for each, in the order of the rules", () => {
    expect(titles).toEqual(alertRules.map(({ alert }) => alert));
  });

  it.each(alertRules)("says how urgent $alert is, and after what time", (rule) => {
    const { alert, labels } = rule;
    const when = rule.for === undefined ? "at once" : `after ${rule.for}`;
    const urgency = labels.severity === "page" ? "Page" : "Ticket";
    expect(sectionOf(alert)).toContain(`\n*${urgency}, ${when}.* `);
  });

  it.each(alertRules)("says what to do first on $alert, and then", ({ alert }) => {
    expect(sectionOf(alert)).toMatch(/\n- \*\*First\*\*: [\s\S]*\n- \*\*Then\*\*: /);
  });

  it("names only series that the rules record, or ask for", () => {
    const named = [...page.matchAll(/`([a-z_]+:[\w:]+)/g)].map(([, name = ""]) => name);
    expect(named.length).toBeGreaterThan(20);
    for (const name of named) expect(recorded).toContain(name);
  });

  it.each(recordingRules)("names $record, unless a rule asks for it", ({ record }) => {
    const asked = [...alertRules, ...recordingRules].map(({ expr }) => expr);
    const namesIt = (text: string) => text.split(/[^\w:]/).includes(record);
    expect([page, ...asked].some(namesIt)).toBe(true);
  });

  it.each(alertRules)("names what $alert asks for", ({ alert, expr }) => {
    const asked = [...expr.matchAll(/\b(?:[a-z_]+:)?(?:sluice_\w+|up)(?::\w+)?/g)].map(([name]) => name);
    expect(asked.some((name) => sectionOf(alert).includes(name))).toBe(true);
  });
});

function sectionOf(alert: string): string {
  return sections.find((section) => section.startsWith(`${alert}\n`)) ?? "";
}
