import { root } from "./places.mjs";
import { run, say, stop } from "./steps.mjs";

/** Compiles a project and those it refers to; a moment's work where nothing has changed. @param {string} project */
export async function build(project = ".") {
  say("building");
  const { code } = await run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-b", project]);
  if (code !== 0) stop("the build failed");
}
