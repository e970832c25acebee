import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { folder, root } from "./files.js";

const run = promisify(execFile);
const patienceMs = 60_000;

const tsconfig = {
  compilerOptions: {
    module: "NodeNext",
    target: "ES2022",
    lib: ["ES2023"],
    types: [],
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
  },
  include: ["*.ts"],
};

/**
 * Compiles each text as the literal of a dashboard, all of them at once: where it is a literal, a field that the type
 * does not have is an error, too.
 *
 * @returns what the compiler finds wrong with each, by the names of the texts
 */
export async function compiled(texts: Readonly<Record<string, string>>): Promise<Record<string, string[]>> {
  const work = mkdtempSync(join(tmpdir(), "sluice-dashboard-"));
  try {
    writeFileSync(join(work, "package.json"), JSON.stringify({ type: "module" }));
    writeFileSync(join(work, "tsconfig.json"), JSON.stringify(tsconfig));
    for (const [name, text] of Object.entries(texts)) {
      writeFileSync(join(work, `${name}.ts`), asDashboard(text));
    }
    const faults = await faultsIn(work);
    const others = faults.filter(
      (fault) => !Object.keys(texts).some((name) => fault.startsWith(`${name}.ts(`)),
    );
    if (others.length > 0) throw new Error(others.join("\n"));
    return Object.fromEntries(
      Object.keys(texts).map((name) => [name, faults.filter((fault) => fault.startsWith(`${name}.ts(`))]),
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function asDashboard(text: string): string {
  const types = JSON.stringify(join(folder, "src/schema/dashboard.js"));
  return `import type { Dashboard } from ${types};\n\nexport const dashboard: Dashboard = ${text};\n`;
}

async function faultsIn(work: string): Promise<string[]> {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const options = { cwd: work, timeout: patienceMs, maxBuffer: 64 * 1_024 * 1_024 };
  const ended = await run(process.execPath, [compiler, "-p", ".", "--pretty", "false"], options).catch(
    (failure: { code?: unknown; stdout: string }) => failure,
  );
  const faults = ended.stdout.split("\n").filter((line) => /\berror TS\d+:/.test(line));
  if ("code" in ended && faults.length === 0) throw new Error("the compiler did not run", { cause: ended });
  return faults;
}
