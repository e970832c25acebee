import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../toolchain/places.mjs";

/** A fenced block, and what the document shows that it prints. */
export interface Block {
  readonly language: string;
  /** What follows the language on the fence: how the block is executed, see `executions.ts`. */
  readonly note: string;
  readonly text: string;
  /** Of its first line, from 1. */
  readonly line: number;
  /** The `text` block that stands right under it. */
  readonly prints: string | undefined;
  /** Whether the figures in there are those of one run, and other ones are as good. */
  readonly printsFigures: boolean;
}

export interface Link {
  readonly text: string;
  readonly target: string;
}

/** Every document that readers meet, by its path from the root. */
export function documents(): string[] {
  const atTop = readdirSync(root).filter((name) => name.endsWith(".md"));
  const inDocs = readdirSync(join(root, "docs"), { recursive: true }).map((name) => `docs/${name}`);
  return [...atTop, ...inDocs.filter((name) => name.endsWith(".md"))];
}

export function textOf(document: string): string {
  return readFileSync(join(root, document), "utf8");
}

export function blocksIn(document: string): Block[] {
  const text = textOf(document);
  const fenced = /^( *)```(\w+) ?(.*)\n([\s\S]*?)^\1```(?:\n|$)/gm;
  const found = [...text.matchAll(fenced)].map((match) => ({
    language: match[2] ?? "",
    note: match[3] ?? "",
    text: withoutIndent(match[4] ?? "", match[1] ?? ""),
    line: text.slice(0, match.index).split("\n").length + 1,
    end: match.index + match[0].length,
    start: match.index,
  }));
  return found.map(({ start, end, ...block }, index) => {
    const next = found[index + 1];
    const follows = next?.language === "text" && text.slice(end, next.start).trim() === "";
    return {
      ...block,
      prints: follows ? next.text : undefined,
      printsFigures: follows && next.note === "figures",
    };
  });
}

/** Blocks of a list are indented as its points are. */
function withoutIndent(text: string, indent: string): string {
  return text.replace(new RegExp(`^${indent}`, "gm"), "");
}

/** The rows of the table that begins with this heading row, each cell without its code marks. */
export function tableIn(document: string, heading: readonly string[]): string[][] {
  const lines = textOf(document).split("\n");
  const top = lines.indexOf(`| ${heading.join(" | ")} |`);
  if (top < 0) throw new Error(`${document} has no table with the heading ${heading.join(", ")}`);
  const rows = lines.slice(top + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith("|")),
    )
    .map(cellsOf);
}

function cellsOf(row: string): string[] {
  const cells = row.split(/(?<!\\)\|/).slice(1, -1);
  return cells.map((cell) => cell.trim().replaceAll("`", ""));
}

/** Links in prose: code has brackets of its own. */
export function linksIn(document: string): Link[] {
  const prose = proseOf(document).replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]]/g, " "));
  return [...prose.matchAll(/\[([^\]]+)\]\(([^)\s]+)\)/g)].map(([, text = "", target = ""]) => ({
    text: text.replace(/\s+/g, " "),
    target,
  }));
}

/** What stands between code marks in prose. */
export function codeIn(document: string): string[] {
  return [...proseOf(document).matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code.replace(/\s+/g, " "));
}

/** The names by which the headings of a document can be linked to, as GitHub makes them. */
export function anchorsIn(document: string): string[] {
  const headings = [...proseOf(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** What is not in fenced blocks. */
function proseOf(document: string): string {
  return textOf(document).replace(/^( *)```[\s\S]*?^\1```\n/gm, "");
}
