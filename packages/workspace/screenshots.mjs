import "./toolchain/node-version.mjs";

// Imported late, so that an old Node gets as far as the check above.
import("./commands/screenshots.mjs");
