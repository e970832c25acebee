export { type ConformanceOptions, storeConformance } from "./suite.js";
export type { StoreUnderTest } from "./world.js";
