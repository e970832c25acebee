import { build } from "../toolchain/build.mjs";
import { install } from "../toolchain/install.mjs";
import { become } from "../toolchain/steps.mjs";

await install("run");
await build("services/demo");
await become("services/demo/dist/main.js", process.argv.slice(2));
