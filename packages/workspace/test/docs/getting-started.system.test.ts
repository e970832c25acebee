import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../toolchain/places.mjs";
import { executionOf, patternOf } from "./executions.js";
import { type Block, blocksIn } from "./markdown.js";
import { runScript } from "./scripts.js";
import { Servers } from "./servers.js";

const document = "docs/getting-started.md";
const shownFolder = "/tmp/first-limit";
const timeout = 300_000;

/** What a reader does with blocks of this kind; the others stand in terminals of their own. */
const done = ["root", "file", "example"];
const blocks = blocksIn(document).filter((block) => done.includes(executionOf(block)));

describe("who follows Getting started, block by block, from a clone and an empty folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-first-limit-"));
  const servers = new Servers(document);

  beforeAll(() => servers.start(), 60_000);
  afterAll(async () => {
    await servers.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(blocks)("gets on, at line $line ($language $note)", { timeout }, async (block) => {
    const text = servers.placedIn(block.text).replaceAll(shownFolder, folder);
    if (executionOf(block) === "file") return writeFileSync(join(folder, block.note), text);
    const { stdout, stderr } = await runScript(text, folderOf(block));
    if (executionOf(block) === "example") expect(stderr).toBe("");
    if (block.prints !== undefined) expect(stdout).toMatch(patternOf(block));
  });

  function folderOf(block: Block): string {
    return executionOf(block) === "root" ? root : folder;
  }
});
