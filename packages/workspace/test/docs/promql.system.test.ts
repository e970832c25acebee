import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promtool } from "@sluice/testkit/prometheus";
import { expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import { root } from "../../toolchain/places.mjs";
import { blocksOf, type Placed } from "./executions.js";

const rules = readFileSync(join(root, "services/prometheus/rules/sluice.recording.yml"), "utf8");
const recorded = [...rules.matchAll(/- record: (\S+)/g)].map(([, name]) => name);

const blocks = blocksOf("promql");

function linesOf({ block }: Placed): string[] {
  return block.text.trimEnd().split("\n");
}

it("there are questions to ask", () => {
  expect(blocks).not.toEqual([]);
});

it.each(blocks)(
  "the questions of $document, line $block.line, are ones that Prometheus takes",
  async (placed) => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-questions-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "rules.yml");
    const asked = linesOf(placed).map((expr, line) => ({ record: `line:${line}`, expr }));
    writeFileSync(file, stringify({ groups: [{ name: "asked", rules: asked }] }));
    expect(await promtool(["check", "rules", file])).toMatchObject({ code: 0 });
  },
);

it.each(blocks)("the questions of $document, line $block.line, are about what is recorded", (placed) => {
  for (const line of linesOf(placed)) expect(recorded).toContain(/^[\w:]+/.exec(line)?.[0]);
});
