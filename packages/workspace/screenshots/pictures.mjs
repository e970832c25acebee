/**
 * What the documents show. `file` is its name in `docs/images`, `at` the page of the console.
 *
 * @typedef {import("@sluice/testkit/browser").PageOptions & {
 *   readonly file: string,
 *   readonly at?: string,
 *   readonly width: number,
 *   readonly height: number,
 *   readonly scale: number,
 * }} Picture
 */

/** @type {readonly Picture[]} */
export const pictures = [
  { file: "console-light.png", width: 1_200, height: 680, scale: 2 },
  { file: "console-dark.png", width: 1_200, height: 680, scale: 2, colorScheme: "dark" },
  { file: "console-semaphore.png", width: 1_200, height: 860, scale: 2, at: "#/semaphores/openai" },
  { file: "console-phone.png", width: 375, height: 720, scale: 2 },
];
