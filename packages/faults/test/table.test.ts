import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Fault, slackMs } from "../src/fault.js";
import { faults } from "../src/faults/index.js";
import { readResults, rowOf } from "../src/results.js";
import { withTables } from "../src/table.js";

const guarantees = readFileSync(new URL("../../../docs/guarantees.md", import.meta.url), "utf8");
const results = readResults();

describe("the guarantees", () => {
  it("show what the fault suite has shown (else: node packages/faults/dist/write-tables.js)", () => {
    expect(withTables(guarantees, faults, results)).toBe(guarantees);
  });

  it("have both tables", () => {
    expect(guarantees.match(/<!-- faults: \w+ -->/g)).toEqual([
      "<!-- faults: kept -->",
      "<!-- faults: regained -->",
    ]);
  });
});

describe("what the fault suite has shown", () => {
  it("is of every fault, and of no other", () => {
    expect(Object.keys(results).sort()).toEqual(faults.map(({ name }) => name).sort());
  });

  it.each(faults)("keeps what is promised when $name", ({ name, promise, idleMs }) => {
    const row = results[name];
    expect(row?.runs).toBeGreaterThan(0);
    expect(row?.idleMs).toBeLessThanOrEqual(idleMs + slackMs);
    if (promise === "kept") expect(row?.permitsOver).toBe(0);
  });
});

describe("a table", () => {
  const fault = { promise: "kept", idleMs: 1_000, inflict: async () => ({}) } satisfies Omit<Fault, "name">;
  const some: readonly Fault[] = [
    { ...fault, name: "it rains" },
    { ...fault, name: "it snows", promise: "regained" },
    { ...fault, name: "nobody has tried" },
  ];
  const outcome = {
    seed: 1,
    permitsOver: 0,
    overMs: 0,
    regainedMs: 0,
    idleMs: 12.3,
    lateMs: 3,
    timed: true,
    granted: 5,
    broken: [],
  };
  const starved = { ...outcome, idleMs: 5_000, lateMs: 900, timed: false };
  const row = rowOf([outcome, { ...outcome, idleMs: 1_034.5 }, starved]);

  it("has the worst of all runs, times of those in which the machine kept up, and replaces what stood there", () => {
    const text = "before\n<!-- faults: kept -->\n| old |\n<!-- end -->\nafter\n";
    expect(withTables(text, some, { "it rains": row, "it snows": row })).toBe(
      [
        "before",
        "<!-- faults: kept -->",
        "| what happens | runs | permits over | timed | longest time stuck | promised |",
        "| --- | --- | --- | --- | --- | --- |",
        "| it rains | 3 | 0 | 2 | 1,035 ms | 1,000 ms + 500 |",
        "<!-- end -->",
        "after",
        "",
      ].join("\n"),
    );
  });
});
