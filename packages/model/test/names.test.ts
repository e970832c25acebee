import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { mutants, runs } from "../src/runs.js";
import { modelFile } from "../src/search.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folders = ["packages/core/lua", "packages/core/src", "services/sidecar/src"].map((it) =>
  join(root, it),
);
const sources = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true }).map((file) => join(folder, String(file))),
);

describe.each(["store", "retry"] as const)("the model %s", (model) => {
  const text = readFileSync(modelFile(model), "utf8");

  it("names nothing in the code that is not there", () => {
    const names = namesIn(text);
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !exists(name))).toEqual([]);
  });

  it("has the switches that its runs and mutants turn", () => {
    const turned = [
      ...runs.filter((run) => run.model === model).flatMap(({ switches }) => switches),
      ...mutants.filter(({ run }) => run.model === model).map(({ guard }) => guard),
    ].map((it) => it.split("=")[0] ?? "");
    expect(turned.filter((name) => !new RegExp(`^#(if|ifdef|ifndef) ${name}\\b`, "m").test(text))).toEqual(
      [],
    );
  });
});

it("leaves out every guard that the protocol relies on", () => {
  expect(mutants.map(({ guard }) => guard)).toEqual(
    expect.arrayContaining([
      "NO_RECOVERY_PAUSE",
      "NO_CLAIM",
      "NO_HEARTBEAT_CHECK",
      "NO_NAMED_IDS",
      "NO_ATTEMPT_NONCE",
      "NO_CLOCK_PAIR",
    ]),
  );
});

it("would miss a name that is gone", () => {
  expect(exists("lane.ts#granted")).toBe(true);
  expect(exists("lane.ts#gone")).toBe(false);
  expect(exists("rare.lua#claim")).toBe(true);
  expect(exists("rare.lua#gone")).toBe(false);
  expect(exists("gone.lua#claim")).toBe(false);
});

/** Each `file#name` of the bracketed lists in the comments. */
function namesIn(text: string): string[] {
  const lists = [...text.matchAll(/\[([\w-]+\.(?:lua|ts)#[^\]]*)\]/g)].map(([, list = ""]) => list);
  const names = lists.flatMap((list) => list.split(/[\s*]+/));
  return [...new Set(names)].filter((name) => name !== "file.ts#name" && name !== "file.lua#name");
}

function exists(name: string): boolean {
  const [file = "", symbol = ""] = name.split("#");
  const declaration = file.endsWith(".lua") ? luaDeclaration(symbol) : typescriptDeclaration(symbol);
  const files = sources.filter((source) => basename(source) === file);
  return files.some((source) => declaration.test(readFileSync(source, "utf8")));
}

function luaDeclaration(symbol: string): RegExp {
  return new RegExp(
    `^ *(local )?function (F\\.)?${symbol}\\(|^ *local (\\w+, )*${symbol}\\b|^--@define ${symbol} `,
    "m",
  );
}

/** A method, function, constant or type, private or not. */
function typescriptDeclaration(symbol: string): RegExp {
  const words = "(?:export |readonly |async |static |get |function |const |type |interface )*";
  return new RegExp(`^ *${words}#?${symbol}(?:\\(| =|<| \\{)`, "m");
}
