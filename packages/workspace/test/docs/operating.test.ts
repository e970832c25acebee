import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readDeclarations } from "../../../../services/sidecar/dist/config/declarations.js";
import { readTokens } from "../../../../services/sidecar/dist/settings/tokens.js";
import { blocksIn, tableIn } from "./markdown.js";

const document = "docs/operating.md";
const folder = mkdtempSync(join(tmpdir(), "sluice-operating-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file with the example of this name. */
function exampleOf(name: string): string {
  const block = blocksIn(document).find(({ language, note }) => language === "yaml" && note === name);
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, block?.text ?? "");
  return file;
}

it("the file of declared semaphores that operators are shown is good", () => {
  expect(Object.fromEntries(readDeclarations(exampleOf("semaphores"), 15_000))).toEqual({
    openai: { limit: 10, leaseMs: 10_000, maxWaiters: 100_000 },
    batch: { limit: 5, leaseMs: 10_000, maxWaiters: 100_000 },
    nightly: { limit: 0, leaseMs: 10_000, maxWaiters: 100_000 },
  });
});

it("the file of tokens that operators are shown is good, and explains every scope", () => {
  const tokens = readTokens({ token: undefined, tokensFile: exampleOf("tokens") });
  const scopes = tokens.flatMap((one) => [...one.scopes]);
  expect(tableIn(document, ["scope", "allows"]).map(([scope]) => scope)).toEqual(scopes);
});
