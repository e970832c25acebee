import { heedSignals } from "./signals.js";

// Signals first: the rest takes half a second to load, and the first process of a container ignores what it does not
// heed.
heedSignals(import("./program.js").then(({ start }) => start(process.env)));
