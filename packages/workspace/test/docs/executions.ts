import { type Block, blocksIn, documents } from "./markdown.js";

/**
 * What becomes of a block, by its language and the note behind it on the fence. A note that is a file name makes a file
 * of that name for the blocks below.
 */
export type Execution =
  /** Runs as it stands, in a folder where the packages are installed (`examples.test.ts`). */
  | "example"
  /** Runs in Python, for which `npm test` asks nobody (`commands.system.test.ts`). */
  | "python"
  /** Is written beside the examples. */
  | "file"
  /** Runs in the clone, in the system suite: it installs, packs or takes long (`commands.system.test.ts`). */
  | "root"
  /** Each line starts a sidecar in the clone, which has to answer and to end at SIGTERM (same file). */
  | "starts"
  /** Nothing here can run it, as it takes a container engine or a cluster; its words are checked (`unrun.test.ts`). */
  | "unrun"
  /** Each line is a question that Prometheus takes, about series that the recording rules make (`promql.system.test.ts`). */
  | "promql"
  /** Is read by what it is for (`configuration.test.ts`, `scrape.system.test.ts`). */
  | "configuration"
  /** Is drawn in a browser (`diagrams.system.test.ts`). */
  | "diagram"
  /** What the block above it prints. */
  | "output"
  /** Is there to be looked at: a drawing made of characters, or what one may see where nothing of ours runs. */
  | "shown"
  /** Nothing above says what to do with it. */
  | "unknown";

/** The readers of `yaml` blocks. */
export const readers = ["semaphores", "tokens", "compose", "kubernetes", "scrape"] as const;
export type Reader = (typeof readers)[number];

/** Commands that this very run is, that another test runs, or that would change the clone; each with the reason. */
export const runElsewhere: Readonly<Record<string, string>> = {
  "npm test": "the other suite; `npm test -- cut-proxy -t cut` is run",
  "npm run test:system": "this suite",
  "npm run test:faults": "hours; packages/faults/test runs every one of its faults once",
  "npm run test:soak": "ten minutes; services/sidecar/test/soak",
  "npm run bench": "minutes; packages/bench/test/command.test.ts runs one of them",
  "npm run model": "minutes; packages/model/test makes the same searches",
  "npm run format": "would change files; `npm test` checks that it has nothing to do",
  "npm run screenshots":
    "would change files, every time in other pixels; pictures.test.ts looks at what it left",
  "npm run secrets": "would make files; packages/workspace/test/compose-secrets.test.ts makes them elsewhere",
};

export interface Placed {
  readonly document: string;
  readonly block: Block;
}

const programs: readonly string[] = ["ts", "js", "sh"];
const notes: readonly string[] = ["root", "starts", "unrun"];

export function executionOf({ language, note }: Block): Execution {
  if (language === "text" && (note === "" || note === "figures")) return "output";
  if (language === "text" && note === "shown") return "shown";
  if (language === "mermaid") return "diagram";
  if (language === "json" && note === "") return "configuration";
  if (language === "py" && note === "") return "python";
  if (language === "promql" && note === "") return "promql";
  if (language === "yaml") return readers.some((reader) => reader === note) ? "configuration" : "unknown";
  if (!programs.includes(language)) return "unknown";
  if (note === "") return "example";
  if (/^[\w-]+\.\w+$/.test(note)) return "file";
  return language === "sh" && notes.includes(note) ? (note as Execution) : "unknown";
}

/** All blocks of all documents with this execution. */
export function blocksOf(execution: Execution): Placed[] {
  return documents().flatMap((document) =>
    blocksIn(document)
      .filter((block) => executionOf(block) === execution)
      .map((block) => ({ document, block })),
  );
}

/** The commands of a `sh` block, one a line, without its comments and with continued lines joined. */
export function commandsIn({ text }: Block): string[] {
  const lines = text.replace(/\\\n\s*/g, "").split("\n");
  return lines.map((line) => line.replace(/(^|\s)#.*$/, "").trim()).filter((line) => line !== "");
}

/**
 * What `text` shows, as a pattern: `…` stands for anything within its line, and for any lines where it stands alone. In
 * a block of `figures` every number stands for any.
 */
export function patternOf({ prints = "", printsFigures }: Block): RegExp {
  const lines = prints.trimEnd().split("\n");
  const patterns = lines.map((line) =>
    line.trim() === "…" ? "[^]*" : line.split("…").map(escaped).join(".*"),
  );
  const text = patterns.join("\n");
  return new RegExp(`^${printsFigures ? withAnyFigures(text) : text}\\s*$`);
}

/** Columns are as wide as their widest figure. */
function withAnyFigures(pattern: string): string {
  return pattern.replace(/ +/g, " +").replace(/\d+(\\\.\d+)?/g, "[\\d.]+");
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
