import { expect, it } from "vitest";
import { blocksOf, commandsIn, executionOf, runElsewhere } from "./executions.js";
import { blocksIn, documents, textOf } from "./markdown.js";

/** How many commands no machine of ours runs. `unrun.test.ts` reads every one; a new one has to be counted here. */
const unrun = {
  "README.md": 1,
  "docs/containers.md": 14,
  "docs/dashboards.md": 2,
  "docs/kubernetes.md": 7,
};

/** How many blocks are there to be looked at alone. */
const shown = { "README.md": 1, "docs/containers.md": 1 };

/** Blocks of `text` that no block above prints, and the test that goes by them. */
const textsOfTheirOwn = [
  ["docs/redis.md", "ACL SETUSER sluice on", "packages/core/test/redis/acl.test.ts"],
  ["docs/redis.md", "ACL SETUSER sluice +cluster", "packages/core/test/redis/acl.test.ts"],
] as const;

it.each(documents())("says of every block of %s how it is executed", (document) => {
  const unknown = blocksIn(document).filter((block) => executionOf(block) === "unknown");
  expect(unknown.map(({ line, language, note }) => `line ${line}: ${language} ${note}`)).toEqual([]);
});

it.each(documents())("finds every block of %s", (document) => {
  const fences = textOf(document).match(/^[ >\t]*(```|~~~)/gm) ?? [];
  expect(fences.length).toBe(2 * blocksIn(document).length);
});

it("leaves nothing else unrun than what takes a container engine or a cluster", () => {
  const commands = blocksOf("unrun").flatMap(({ document, block }) =>
    commandsIn(block).map((command) => ({ document, command })),
  );
  const left = commands.filter(({ command }) => !(command in runElsewhere));
  expect(countOf(left)).toEqual(unrun);
});

it("checks what every block says, but for these", () => {
  expect(countOf(blocksOf("shown"))).toEqual(shown);
});

function countOf(found: readonly { readonly document: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { document } of found) counts[document] = (counts[document] ?? 0) + 1;
  return counts;
}

it("shows no output that nothing prints", () => {
  const printed = new Set(
    documents().flatMap((document) => blocksIn(document).map(({ prints }) => `${document}\n${prints}`)),
  );
  const others = blocksOf("output").filter(
    ({ document, block }) => !printed.has(`${document}\n${block.text}`) && !hasTest(document, block.text),
  );
  expect(others.map(({ document, block }) => `${document}, line ${block.line}`)).toEqual([]);
});

function hasTest(document: string, text: string): boolean {
  return textsOfTheirOwn.some(([where, begins]) => where === document && text.startsWith(begins));
}
