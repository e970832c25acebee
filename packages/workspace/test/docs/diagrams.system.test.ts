import { createRequire } from "node:module";
import { startBrowser, type TestBrowser } from "@sluice/testkit/browser";
import { afterAll, beforeAll, expect, it } from "vitest";
import { blocksIn, documents } from "./markdown.js";

const mermaid = createRequire(import.meta.url).resolve("@mermaid-js/tiny/dist/mermaid.tiny.js");

const diagrams = documents().flatMap((document) =>
  blocksIn(document)
    .filter(({ language }) => language === "mermaid")
    .map(({ line, text }) => [`${document}:${line}`, text] as const),
);

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

it("there are diagrams to draw", () => {
  expect(diagrams.length).toBeGreaterThan(0);
});

it.each(diagrams)("the diagram at %s is drawn", async (_where, text) => {
  expect(await drawn(text)).toMatch(/^\d+ shapes$/);
});

it("a diagram with a mistake in it would be found out", async () => {
  expect(await drawn("flowchart LR\n  a --> --> b\n")).toMatch(/^Parse error/);
});

/** How much there is to see of it, or what is wrong with it. */
async function drawn(text: string): Promise<string> {
  await using page = await browser.newPage();
  await page.page.addScriptTag({ path: mermaid });
  // A text, because the page's globals are none of this program's.
  return await page.page.evaluate<string>(`
    mermaid.initialize({ startOnLoad: false });
    mermaid.render("diagram", ${JSON.stringify(text)}).then(
      ({ svg }) => svg.match(/<(path|rect|line|text|polygon|circle)\\b/g).length + " shapes",
      (error) => error.message,
    )`);
}
