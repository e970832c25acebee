import { root } from "./places.mjs";
import { run, say, stop } from "./steps.mjs";

/**
 * Compiles a project and those it refers to, and bundles the console's page; a moment's work where nothing has changed.
 *
 * @param {string} project
 */
export async function build(project = ".") {
  say("building");
  await step([`${root}node_modules/typescript/bin/tsc`, "-b", project]);
  await step([`${root}services/console/build.mjs`]);
}

/** @param {readonly string[]} args of Node */
async function step(args) {
  const { code } = await run(process.execPath, args);
  if (code !== 0) stop("the build failed");
}
