import { readFileSync } from "node:fs";
import { join } from "node:path";
import { problemCodes, snapshotAnswer } from "@sluice/client/shapes";
import * as core from "@sluice/core";
import { readSettings } from "@sluice/sidecar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HttpProblem } from "../../../../services/sidecar/dist/http/problem.js";
import { packageFolders, root } from "../../toolchain/places.mjs";
import { documents, tableIn, textOf } from "./markdown.js";
import { type SidecarProgram, startSidecarProgram } from "./servers.js";

const settingsTable = tableIn("README.md", ["variable", "default", "meaning"]);
const variables = settingsTable.map(([name = ""]) => name);

describe("the settings of the sidecar", () => {
  it("are those of the README", () => {
    const source = readFileSync(join(root, "services/sidecar/src/settings.ts"), "utf8");
    const read = [...source.matchAll(/read\.\w+\(\s*"(\w+)"/g)].map(([, name]) => name);
    expect([...variables].sort()).toEqual(read.sort());
  });

  it.each(settingsTable)("have the default of %s that the README says: %s", (name, shown) => {
    expect(readSettings({ [name ?? ""]: shown })).toEqual(readSettings({}));
  });

  it("are the only ones that any document names", () => {
    const ofTests = [
      "SLUICE_TEST_CHROMIUM",
      "SLUICE_TEST_FAKETIME",
      "SLUICE_TEST_FAULT_RUNS",
      "SLUICE_TEST_PANELS",
      "SLUICE_TEST_PROMETHEUS",
      "SLUICE_TEST_PROMTOOL",
      "SLUICE_TEST_REDIS_SERVER",
      "SLUICE_TEST_SEED",
      "SLUICE_TEST_SOAK_MINUTES",
      "SLUICE_TEST_TWIN_RUNS",
    ];
    const known = [...variables, ...ofTests];
    for (const document of documents()) {
      for (const [name] of textOf(document).matchAll(/\b(SLUICE_[A-Z_]+|REDIS_URL)\b/g)) {
        expect(known, `${document} names ${name}`).toContain(name);
      }
    }
  });
});

/** Where the options of each row group are declared. */
const declarations: Readonly<Record<string, readonly [file: string, name: string]>> = {
  "new Semaphore(store, name, …)": ["packages/core/src/options.ts", "SemaphoreOptions"],
  "acquire, use, wrap": ["packages/core/src/options.ts", "AcquireOptions"],
  "redisStore(url or client, …)": ["packages/core/src/stores/redis/index.ts", "RedisStoreOptions"],
  "redlockStore([url or client, …], …)": ["packages/core/src/stores/redlock/index.ts", "RedlockStoreOptions"],
  "memoryStore(…)": ["packages/core/src/stores/memory/store.ts", "MemoryStoreOptions"],
  "sidecarStore(url, …)": ["packages/client/src/options.ts", "SidecarStoreOptions"],
  "meteredStore(store, …)": ["packages/core/src/prometheus/metered-store.ts", "MeteredStoreOptions"],
};

describe("the options of", () => {
  const shown = optionsTable();

  it.each(Object.entries(declarations))("%s are those of the README", (where, [file, name]) => {
    const declared = membersOf(file, name);
    const options = shown.get(where) ?? [];
    expect(options.map((option) => option.name).sort()).toEqual([...declared.keys()].sort());
    for (const option of options) {
      // A flag is off unless said otherwise, and no docstring has to say so.
      if (option.default === "false") continue;
      expect(declared.get(option.name), `the default of ${option.name}`).toContain(
        withCommas(option.default),
      );
    }
  });

  it("nothing else are in the README", () => {
    expect([...shown.keys()]).toEqual(Object.keys(declarations));
  });
});

describe("error codes", () => {
  it("of the library are those of its page, each with its class", () => {
    const table = tableIn("docs/typescript.md", ["code", "class", "when"]);
    const shown = table.map(([code, name]) => `${code} ${name}`);
    expect(shown.sort()).toEqual(errorsOfTheLibrary().sort());
  });

  it("of the sidecar are those of its page, each with its status", () => {
    const table = tableIn("docs/http.md", ["code", "status", "when"]);
    const shown = table.map(([code, status]) => `${code} ${status}`);
    const given = problemCodes.map((code) => `${code} ${new HttpProblem(code, "").status}`);
    expect(shown.sort()).toEqual(given.sort());
  });
});

it("the fields of a semaphore are those of its page", () => {
  const table = tableIn("docs/http.md", ["field", "meaning"]);
  const shown = table.flatMap(([names = ""]) => names.split(", "));
  expect(shown.sort()).toEqual(Object.keys(snapshotAnswer.shape).sort());
  const { leases, waiters } = snapshotAnswer.shape;
  for (const [name, { element }] of Object.entries({ leases, waiters })) {
    const [, meaning] = table.find(([field]) => field === name) ?? [];
    expect(meaning).toContain(`{${Object.keys(element.shape).join(", ")}}`);
  }
});

describe("a sidecar", () => {
  let sidecar: SidecarProgram;

  beforeAll(async () => {
    sidecar = await startSidecarProgram();
  }, 40_000);
  afterAll(() => sidecar.program.kill());

  it("exports the metrics that are documented, and no others", async () => {
    const text = await (await fetch(`${sidecar.url}/metrics`)).text();
    const exported = [...text.matchAll(/^# TYPE (sluice_\w+) (\w+)$/gm)].map(
      ([, name, type]) => `${name} ${type}`,
    );
    const tables = ["from the store", "from this process"].flatMap((first) =>
      tableIn("docs/metrics.md", [first, "type", "meaning"]),
    );
    expect(tables.map(([name, type]) => `${name} ${type}`).sort()).toEqual(exported.sort());
  });

  it("serves the calls that are documented, and no others at their paths", async () => {
    const calls = new Map<string, string[]>();
    for (const [call = ""] of tableIn("docs/http.md", ["call", "body", "answer"])) {
      const [method = "", path = ""] = call.split(" ");
      calls.set(path, [...(calls.get(path) ?? []), method]);
    }
    for (const [path, methods] of calls) {
      const url = sidecar.url + path.replace(/\{\w+\}/g, "x");
      const refused = await fetch(url, { method: "OPTIONS" });
      const allowed = refused.headers.get("allow")?.split(", ") ?? [];
      expect(allowed.filter((method) => method !== "HEAD").sort(), path).toEqual(methods.sort());
    }
  });
});

it("every dependency of a manifest has its reason on the page of dependencies", () => {
  const manifests = [root, ...packageFolders()].map((folder) =>
    JSON.parse(readFileSync(join(folder, "package.json"), "utf8")),
  );
  const named = manifests.flatMap(({ dependencies, devDependencies, peerDependencies }) =>
    Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies }),
  );
  const tables = [
    ...tableIn("docs/dependencies.md", ["package", "used by", "why, and what else there was"]),
    ...tableIn("docs/dependencies.md", ["package", "why, and what else there was"]),
  ];
  const explained = tables.flatMap(([names = ""]) => names.split(", "));
  const foreign = new Set(named.filter((name) => !name.startsWith("@sluice/")));
  expect(explained.sort()).toEqual([...foreign].sort());
});

interface Option {
  readonly name: string;
  readonly default: string;
}

function optionsTable(): Map<string, Option[]> {
  const groups = new Map<string, Option[]>();
  let group: Option[] = [];
  for (const [where = "", name = "", byDefault = ""] of tableIn("README.md", [
    "where",
    "option",
    "default",
    "meaning",
  ])) {
    if (where !== "") {
      group = [];
      groups.set(where, group);
    }
    group.push({ name, default: byDefault });
  }
  return groups;
}

/** The members of an interface, each with its docstring. */
function membersOf(file: string, name: string): Map<string, string> {
  const source = readFileSync(join(root, file), "utf8");
  const body = new RegExp(`^export interface ${name} \\{\\n([\\s\\S]*?)^\\}`, "m").exec(source)?.[1];
  if (body === undefined) throw new Error(`${file} declares no ${name}`);
  const members = body.matchAll(/\/\*\*([\s\S]*?)\*\/\s*readonly (\w+)\?:/g);
  return new Map([...members].map(([, docstring = "", member = ""]) => [member, docstring]));
}

/** As docstrings have it: 15,000. */
function withCommas(value: string): string {
  return /^\d{4,}$/.test(value) ? Number(value).toLocaleString("en-US") : value;
}

function errorsOfTheLibrary(): string[] {
  const isError = (value: unknown): value is new (...args: unknown[]) => core.SluiceError =>
    typeof value === "function" && value.prototype instanceof core.SluiceError;
  const exported: readonly unknown[] = Object.values(core);
  return exported
    .filter(isError)
    .map((SomeError) => `${new SomeError("x", "x", "x").code} ${SomeError.name}`);
}
