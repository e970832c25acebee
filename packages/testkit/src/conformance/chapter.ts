import type { World } from "./world.js";

/** Adds one test to the suite. */
export type Test = (name: string, body: (world: World) => Promise<void>) => void;

/** A theme of the suite: calls `test` for each of its tests. */
export type Chapter = (test: Test) => void;
