import { expect, it } from "vitest";
import { rowsInSight } from "../src/table/window.js";

const pane = { height: 100 };

it("a short list is drawn whole", () => {
  expect(rowsInSight({ ...pane, top: 0 }, 3, 10)).toEqual([0, 1, 2]);
  expect(rowsInSight({ ...pane, top: 0 }, 0, 10)).toEqual([]);
});

it("of a long list the rows in sight are drawn, and some around them", () => {
  const indexes = rowsInSight({ ...pane, top: 5_000 }, 10_000, 10);
  expect(indexes[0]).toBeLessThan(500);
  expect(indexes.at(-1)).toBeGreaterThan(509);
  expect(indexes.length).toBeLessThan(40);
});

it("a list that has become shorter than the pane is scrolled still shows its end", () => {
  expect(rowsInSight({ ...pane, top: 90_000 }, 20, 10).at(-1)).toBe(19);
});

it("the row with the focus is drawn wherever it is, and once", () => {
  expect(rowsInSight({ ...pane, top: 5_000 }, 10_000, 10, 3)[0]).toBe(3);
  expect(rowsInSight({ ...pane, top: 0 }, 10_000, 10, 9_000).at(-1)).toBe(9_000);
  expect(rowsInSight({ ...pane, top: 0 }, 100, 10, 3)).toEqual(rowsInSight({ ...pane, top: 0 }, 100, 10));
  expect(rowsInSight({ ...pane, top: 0 }, 5, 10, 9)).toEqual([0, 1, 2, 3, 4]);
});
