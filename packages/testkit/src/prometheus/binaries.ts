import { programPath } from "../processes/program-path.js";

/** Of Prometheus's programs: the server, and the tool that checks rules and configurations. */
export type PrometheusProgram = "prometheus" | "promtool";

const variables: Readonly<Record<PrometheusProgram, string>> = {
  prometheus: "SLUICE_TEST_PROMETHEUS",
  promtool: "SLUICE_TEST_PROMTOOL",
};

/** The path of the program. @throws Error where there is none, saying what to do */
export function pathOf(program: PrometheusProgram, env?: NodeJS.ProcessEnv): string {
  const search = {
    variable: variables[program],
    names: [program],
    cached: `prometheus/${program}`,
    command: "npm run test:system",
  };
  return programPath(search, env);
}
