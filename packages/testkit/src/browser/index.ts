export { chromiumPath } from "./binary.js";
export { type PageOptions, startBrowser, type TestBrowser } from "./browser.js";
export type { Asked, TestPage, Tolerance } from "./page.js";
export type { MainThreadTask } from "./tasks.js";
