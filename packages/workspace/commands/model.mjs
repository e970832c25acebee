import { provideModelTools } from "../model/provide.mjs";
import { build } from "../toolchain/build.mjs";
import { install } from "../toolchain/install.mjs";
import { become } from "../toolchain/steps.mjs";

await install("all");
await build("packages/model");
await provideModelTools();
await become("packages/model/dist/main.js", process.argv.slice(2));
