import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, it } from "vitest";
import { root } from "../../toolchain/places.mjs";
import { anchorsIn, documents, linksIn, tableIn, textOf } from "./markdown.js";

const { scripts, packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

it.each(documents())("every relative link of %s leads somewhere", (document) => {
  for (const { target } of linksIn(document)) {
    if (/^https:/.test(target)) continue;
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? document : normalize(join(dirname(document), path));
    expect(existsSync(join(root, file)), target).toBe(true);
    if (anchor !== undefined) expect(anchorsIn(file), target).toContain(anchor);
  }
});

it("every test that a guarantee names is there", () => {
  const tests = linksIn("docs/guarantees.md").filter(({ target }) => target.endsWith(".ts"));
  expect(tests.length).toBeGreaterThan(20);
  for (const { text, target } of tests) {
    const source = readFileSync(join(root, "docs", target), "utf8");
    expect(source, target).toContain(`"${text}"`);
  }
});

it("every npm command that a document names is one", () => {
  for (const document of documents()) {
    for (const [, run, short] of textOf(document).matchAll(/\bnpm (?:run ([\w:]+)|(test|start)\b)/g)) {
      expect(Object.keys(scripts), document).toContain(run ?? short);
    }
  }
});

it("every version of pnpm that a document names is the pinned one", () => {
  for (const document of documents()) {
    for (const [named] of textOf(document).matchAll(/pnpm@\d[\w.-]*/g))
      expect(named, document).toBe(packageManager);
  }
});

it("the index names every page and every decision by its title", () => {
  const pages = documents().filter(
    (document) => document.startsWith("docs/") && document !== "docs/index.md",
  );
  const listed = linksIn("docs/index.md").filter(({ target }) => !target.startsWith(".."));
  expect(listed.map(({ target }) => `docs/${target}`).sort()).toEqual(pages.sort());
  for (const { text, target } of listed) {
    const [, title] = /^# (?:\d+\. )?(.*)$/m.exec(textOf(`docs/${target}`)) ?? [];
    expect(text.replaceAll("`", ""), target).toBe(title?.replaceAll("`", ""));
  }
});

it("every page ends by leading to the next one of the index", () => {
  const pages = linksIn("docs/index.md").filter(({ target }) => !/^(\.\.|decisions)\//.test(target));
  for (const [position, { target }] of pages.entries()) {
    const next = pages[position + 1] ?? { text: "Documentation", target: "index.md" };
    const [last] = textOf(`docs/${target}`).trimEnd().split("\n").slice(-1);
    expect(last, target).toBe(`Next: [${next.text}](${next.target})`);
  }
});

it("the table of folders names all of them", () => {
  const folders = ["packages", "services"].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
  );
  const named = tableIn("CONTRIBUTING.md", ["folder", "what is there"]).map(([folder]) => folder);
  expect(named.sort()).toEqual(folders.sort());
});
