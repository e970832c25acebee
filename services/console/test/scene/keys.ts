import type { Console } from "./console.js";

/** More than there are things to reach on any page of these tests. */
const MOST_STEPS = 60;

/** What has the focus, by the name that a screen reader says; empty where nothing has. */
export async function focus({ page }: Console): Promise<string> {
  return await page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return "";
    const labels = (element as HTMLInputElement).labels;
    const label = labels?.[0]?.textContent ?? element.textContent ?? "";
    return (element.getAttribute("aria-label") ?? label).replace(/^← /, "").trim();
  });
}

/** Presses Tab until the focus is there. @throws Error where it gets there never */
export async function tabTo(shown: Console, name: string): Promise<void> {
  const passed: string[] = [];
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const here = await focus(shown);
    if (here === name) return;
    passed.push(here);
    await shown.page.keyboard.press("Tab");
  }
  throw new Error(`Tab leads not to "${name}" but to: ${[...new Set(passed)].join(", ")}`);
}

/** Whether what has the focus is in sight and marked. */
export async function focusIsSeen({ page }: Console): Promise<boolean> {
  return await page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement)) return false;
    // A link that stands for its row has the mark around the row.
    const isMarked = [null, "::after"].some((part) => {
      const { outlineStyle, outlineWidth, borderStyle, content } = getComputedStyle(element, part);
      const hasOutline = outlineStyle !== "none" && outlineWidth !== "0px";
      return hasOutline || (part !== null && content !== "none" && borderStyle !== "none");
    });
    const { top, bottom, width } = element.getBoundingClientRect();
    return isMarked && width > 0 && top >= 0 && bottom <= innerHeight;
  });
}
