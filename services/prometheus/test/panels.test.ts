import { describe, expect, it } from "vitest";
import { read } from "./files.js";
import { answersIn, withTable } from "./live/answers.js";
import { queriesOfPanels } from "./live/panels.js";

const page = read("docs/panels.md");

describe("the page of panels", () => {
  it("has an answer to each query of the dashboard, in its order", () => {
    const asked = queriesOfPanels(60, 2).map(({ panel, written }) => ({ panel, query: written }));
    const answers = answersIn(page);
    expect(answers.map(({ panel, query }) => ({ panel, query }))).toEqual(asked);
    for (const { panel, answer } of answers)
      expect(answer, panel).toMatch(/^\d+ series, \d+ points?, [\d.]+/);
  });

  it("is written again with other answers, and is the same but for them", () => {
    const answers = [{ panel: "Store $1", query: 'up{a=~"b|c"}', answer: "1 series, 1 point, 1" }];
    const written = withTable(page, answers);
    expect(answersIn(written)).toEqual(answers);
    expect(withTable(written, answersIn(page))).toBe(page);
  });

  it("is refused where it has no table", () => {
    expect(() => withTable("# Panels\n", [])).toThrow("expected a page with a table");
  });
});
