/** One command of a shell, taken apart. */
export interface Command {
  /** Set for this command alone, before it. */
  readonly variables: ReadonlyMap<string, string>;
  readonly words: readonly string[];
}

const assignment = /^([A-Za-z_]\w*)=(.*)$/s;

/** Takes simple commands apart: words, quotes, and what stands before the command. @throws Error on anything else */
export function takeApart(line: string): Command {
  const words = wordsOf(line);
  const first = words.findIndex((word) => !assignment.test(word));
  const before = words.slice(0, first < 0 ? words.length : first);
  const variables = before
    .map((word) => assignment.exec(word))
    .map((match) => [match?.[1] ?? "", match?.[2] ?? ""] as const);
  return { variables: new Map(variables), words: words.slice(before.length) };
}

function wordsOf(line: string): string[] {
  const word = /\s*((?:[^\s"'\\|&;<>()`]|"[^"`]*"|'[^']*'|\\.)+)/gy;
  const found = [...line.matchAll(word)];
  const length = found.reduce((sum, [all]) => sum + all.length, 0);
  if (line.slice(length).trim() !== "") throw new Error(`this is more than a simple command: ${line}`);
  return found.map(([, text = ""]) => text.replace(/"([^"]*)"|'([^']*)'|\\(.)/g, "$1$2$3"));
}

/** The variables of the shell that a text uses. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name = ""]) => name);
}
