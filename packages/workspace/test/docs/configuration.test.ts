import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { readDeclarations } from "../../../../services/sidecar/dist/config/declarations.js";
import { readTokens } from "../../../../services/sidecar/dist/settings/tokens.js";
import { root } from "../../toolchain/places.mjs";
import { faultsOf } from "../compose/schema.js";
import { blocksOf, type Placed, type Reader } from "./executions.js";
import { tableIn } from "./markdown.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-configuration-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const require = createRequire(import.meta.url);
const maxLeaseMs = 15_000;

function blocksFor(reader: Reader | "json"): Placed[] {
  return blocksOf("configuration").filter(
    ({ block }) => (reader === "json" ? block.language : block.note) === reader,
  );
}

/** The block as a file, which is how the sidecar reads it. */
function fileOf({ document, block }: Placed): string {
  const file = join(folder, `${document.replace(/\W/g, "-")}-${block.line}.yaml`);
  writeFileSync(file, block.text);
  return file;
}

describe("declared semaphores", () => {
  it.each(blocksFor("semaphores"))(
    "of $document, line $block.line, are ones that a sidecar reads",
    (placed) => {
      expect([...readDeclarations(fileOf(placed), maxLeaseMs)]).not.toEqual([]);
    },
  );

  it("of the page for operators mean what their comments say", () => {
    const [shown] = blocksFor("semaphores").filter(({ document }) => document === "docs/operating.md");
    if (!shown) throw new Error("docs/operating.md shows no declared semaphores");
    expect(Object.fromEntries(readDeclarations(fileOf(shown), maxLeaseMs))).toEqual({
      openai: { limit: 10, leaseMs: 10_000, maxWaiters: 100_000 },
      batch: { limit: 5, leaseMs: 10_000, maxWaiters: 100_000 },
      nightly: { limit: 0, leaseMs: 10_000, maxWaiters: 100_000 },
    });
  });
});

describe("a file of tokens", () => {
  it.each(blocksFor("tokens"))("of $document, line $block.line, is one that a sidecar reads", (placed) => {
    expect(readTokens({ token: undefined, tokensFile: fileOf(placed) })).not.toEqual([]);
  });

  it("of the page for operators explains every scope", () => {
    const [shown] = blocksFor("tokens").filter(({ document }) => document === "docs/operating.md");
    if (!shown) throw new Error("docs/operating.md shows no tokens");
    const tokens = readTokens({ token: undefined, tokensFile: fileOf(shown) });
    const scopes = tokens.flatMap((one) => [...one.scopes]);
    expect(tableIn("docs/operating.md", ["scope", "allows"]).map(([scope]) => scope)).toEqual(scopes);
  });
});

it("every part of a Compose file is one, and joins docker-compose.yml", () => {
  const compose = parse(readFileSync(join(root, "docker-compose.yml"), "utf8"));
  for (const { document, block } of blocksFor("compose")) {
    const where = `${document}, line ${block.line}`;
    const part = parse(block.text);
    expect(faultsOf(part), where).toEqual([]);
    for (const [name, service] of Object.entries<Record<string, unknown>>(part.services ?? {})) {
      const isWhole = "image" in service || "build" in service;
      if (!isWhole) expect(Object.keys(compose.services), where).toContain(name);
    }
  }
});

interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
}

type Model = new (json: unknown) => { validate(): void };

it("every part of a Kubernetes manifest fits its schema", () => {
  for (const { document, block } of blocksFor("kubernetes")) {
    for (const part of parseAllDocuments(block.text)) {
      const where = `${document}, line ${block.line}`;
      expect(part.errors, where).toEqual([]);
      const json: KubernetesObject = part.toJS();
      if (json.kind !== undefined) expect(() => validateObject(json), where).not.toThrow();
    }
  }
});

function validateObject(json: KubernetesObject): void {
  const models: Readonly<Record<string, Model>> = require(`kubernetes-models/${json.apiVersion}`);
  const OfKind = models[json.kind ?? ""];
  if (!OfKind) throw new Error(`there is no ${json.kind} in ${json.apiVersion}`);
  new OfKind(json).validate();
}

it("every block of JSON can be read", () => {
  for (const { document, block } of blocksFor("json"))
    expect(() => JSON.parse(block.text), `${document}, line ${block.line}`).not.toThrow();
});
