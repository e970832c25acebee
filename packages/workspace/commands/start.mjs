import { build } from "../toolchain/build.mjs";
import { install } from "../toolchain/install.mjs";
import { become } from "../toolchain/steps.mjs";

await install("run");
await build("services/sidecar");
await become("services/sidecar/dist/main.js", process.argv.slice(2));
