import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promtool } from "@sluice/testkit/prometheus";
import { expect, it, onTestFinished } from "vitest";
import { blocksOf } from "./executions.js";

const blocks = blocksOf("configuration").filter(({ block }) => block.note === "scrape");

it.each(blocks)(
  "the scrape job of $document, line $block.line, is one that promtool takes",
  async ({ block }) => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-scrape-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "prometheus.yml");
    writeFileSync(file, block.text);
    // The files with secrets that it may name are on the reader's machine.
    const outcome = await promtool(["check", "config", "--syntax-only", file]);
    expect(outcome).toMatchObject({ code: 0 });
  },
);
