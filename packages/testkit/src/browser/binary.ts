import { programPath } from "../processes/program-path.js";

/** The path of a Chromium. @throws Error where there is none, saying what to do */
export function chromiumPath(env?: NodeJS.ProcessEnv): string {
  const search = {
    variable: "SLUICE_TEST_CHROMIUM",
    names: ["chromium", "chromium-browser", "google-chrome"],
    cached: "chromium/chromium",
    command: "npm run test:system",
  };
  return programPath(search, env);
}
