import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { executionOf, patternOf } from "./executions.js";
import { type Block, blocksIn, documents } from "./markdown.js";
import { Servers } from "./servers.js";
import { Workshop } from "./workshop.js";

const documentsWithExamples = documents()
  .map((document) => ({
    document,
    examples: blocksIn(document).filter((block) => executionOf(block) === "example"),
    files: blocksIn(document).filter((block) => executionOf(block) === "file"),
  }))
  .filter(({ examples }) => examples.length > 0);

const workshop = new Workshop();

beforeAll(async () => {
  for (const { document, examples } of documentsWithExamples) {
    for (const example of examples) {
      if (example.language !== "sh")
        workshop.write(`${nameOf(document, example)}.${example.language}`, example.text);
    }
  }
  await workshop.compile();
}, 60_000);

afterAll(() => workshop.clear());

it("runs examples of all documents that should have some", () => {
  expect(documentsWithExamples.map(({ document }) => document)).toEqual(
    expect.arrayContaining([
      "README.md",
      "docs/getting-started.md",
      "docs/concepts.md",
      "docs/typescript.md",
      "docs/http.md",
      "docs/metrics.md",
    ]),
  );
});

describe.each(documentsWithExamples)("an example in $document", ({ document, examples, files }) => {
  const servers = new Servers(document);

  beforeAll(async () => {
    await servers.start();
    for (const { note, text } of files) workshop.write(note, servers.placedIn(text));
  }, 60_000);
  afterAll(() => servers.stop());

  it.each(examples)("does what it says, at line $line ($language)", { timeout: 40_000 }, async (example) => {
    const { stdout, stderr } = await execute(example);
    expect(stderr).toBe("");
    if (example.prints !== undefined) expect(stdout).toMatch(patternOf(example));
  });

  function execute(example: Block): Promise<{ stdout: string; stderr: string }> {
    if (example.language === "sh") return workshop.run("sh", ["-euc", servers.placedIn(example.text)]);
    const name = nameOf(document, example);
    expect(workshop.faultsIn(`${name}.ts`)).toEqual([]);
    workshop.write(`${name}.js`, servers.placedIn(workshop.read(`${name}.js`)));
    return workshop.run(process.execPath, [`${name}.js`]);
  }
});

function nameOf(document: string, { line }: Block): string {
  return `${document.replace(/\W/g, "-")}-${line}`;
}
