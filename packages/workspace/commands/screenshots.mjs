import { provideChromium } from "../chromium/provide.mjs";
import { build } from "../toolchain/build.mjs";
import { install } from "../toolchain/install.mjs";

await install("all");
await build();
await provideChromium();
// Imported late: what it imports has been built by now.
const { takeScreenshots } = await import("../screenshots/take.mjs");
await takeScreenshots();
