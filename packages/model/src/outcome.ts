import type { Property } from "./runs.js";

/**
 * What a search has found. `holds` is said of a search that was complete alone; `unknown` is one that was not, or whose
 * words are not understood, and shows nothing.
 */
export type Outcome =
  | { readonly result: "holds"; readonly states: number }
  | {
      readonly result: "violated";
      readonly states: number;
      readonly property: Property | "unknown";
      /** Of the counterexample. */
      readonly steps: number;
    }
  | { readonly result: "unknown"; readonly reason: string };

const incomplete = [
  "max search depth too small",
  "Search not completed",
  "out of memory",
  "memory limit",
  "Bit statespace search",
  "aborting",
  "interrupted",
];

/** Reads what a verifier made by spin has printed. */
export function outcomeOf(output: string): Outcome {
  const [, errors] = /\berrors: (\d+)/.exec(output) ?? [];
  const states = Number(/^\s*(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored/m.exec(output)?.[1]);
  if (errors === undefined || Number.isNaN(states)) return { result: "unknown", reason: lastLine(output) };
  if (errors !== "0") return { result: "violated", states, ...violationIn(output) };
  const excuse = incomplete.find((words) => output.toLowerCase().includes(words.toLowerCase()));
  if (excuse !== undefined) return { result: "unknown", reason: excuse };
  if (!output.includes("Full statespace search for:"))
    return { result: "unknown", reason: "not a full search" };
  return { result: "holds", states };
}

function violationIn(output: string): { property: Property | "unknown"; steps: number } {
  const [, what = "", depth = "0"] = /^pan:\d+: (.*) \(at depth (\d+)\)/m.exec(output) ?? [];
  return { property: propertyOf(what), steps: Number(depth) };
}

function propertyOf(violation: string): Property | "unknown" {
  if (violation.startsWith("acceptance cycle")) return "served";
  if (violation.startsWith("invalid end state")) return "stuck";
  const [, name] = /^assertion violated\s+!\(?(over|twice|broken|slow)\)?$/.exec(violation) ?? [];
  return (name as Property | undefined) ?? "unknown";
}

function lastLine(output: string): string {
  return output.trim().split("\n").at(-1) || "it said nothing";
}
