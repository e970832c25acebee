/** What Prometheus said to one query of the dashboard, in short. */
export interface Answer {
  readonly panel: string;
  /** As the dashboard has it, with its variables. */
  readonly query: string;
  readonly answer: string;
}

const table = /^\| panel \|.*\n(?:\|.*\n)*/m;

/** A Markdown page with these answers in the place of those in its table. */
export function withTable(page: string, answers: readonly Answer[]): string {
  if (!table.test(page)) throw new Error("expected a page with a table that begins with | panel |");
  return page.replace(table, () => rowsOf(answers));
}

export function rowsOf(answers: readonly Answer[]): string {
  const rows = answers.map(({ panel, query, answer }) => `| ${panel} | ${inCode(query)} | ${answer} |\n`);
  return ["| panel | query | answer |\n", "| --- | --- | --- |\n", ...rows].join("");
}

/** The panels and queries that a page has answers to, in its order. */
export function answersIn(page: string): Answer[] {
  const rows = table.exec(page)?.[0].trimEnd().split("\n").slice(2) ?? [];
  return rows.map((row) => {
    const [, panel = "", query = "", answer = ""] = /^\| (.*?) \| `(.*)` \| (.*) \|$/.exec(row) ?? [];
    return { panel, query: query.replaceAll("\\|", "|"), answer };
  });
}

function inCode(query: string): string {
  return `\`${query.replaceAll("|", "\\|")}\``;
}
