import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where `npm run test:system` puts programs that it had to fetch. */
const cached = fileURLToPath(new URL("../../../../.cache/prometheus", import.meta.url));

/** Of Prometheus's programs: the server, and the tool that checks rules and configurations. */
export type PrometheusProgram = "prometheus" | "promtool";

const variables: Readonly<Record<PrometheusProgram, string>> = {
  prometheus: "SLUICE_TEST_PROMETHEUS",
  promtool: "SLUICE_TEST_PROMTOOL",
};

/**
 * The path of the program: what its variable says, else the first on the PATH, else the one in the project's cache.
 *
 * @throws Error where there is none, saying what to do
 */
export function pathOf(program: PrometheusProgram, env: NodeJS.ProcessEnv = process.env): string {
  const chosen = env[variables[program]];
  if (chosen) return chosen;
  const onPath = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const found = [...onPath, cached].map((folder) => join(folder, program)).find(isExecutable);
  if (found) return found;
  throw new Error(`no ${program} found; run \`npm run test:system\`, or set ${variables[program]}`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
