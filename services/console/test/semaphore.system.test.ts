import { startBrowser, type TestBrowser } from "@sluice/testkit/browser";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openConsole } from "./scene/console.js";
import { patience } from "./scene/patience.js";
import { startScene } from "./scene/scene.js";

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

it("a semaphore's page shows who holds it, and who waits in which order", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 5 });
  const lease = await scene.hold("openai", { holder: "worker-1:4242", permits: 4 });
  await scene.queue("openai", { holder: "patient", permits: 3 });
  await scene.queue("openai", { holder: "important", permits: 2, priority: 7 });
  await using shown = await openConsole(browser, scene.sidecar);

  await shown.open("openai");
  await expect.poll(() => shown.page.title(), patience).toMatch(/^Sluice.*openai$/);
  await shown.leaseOf("worker-1:4242").waitFor();
  const cells = await shown.leaseOf("worker-1:4242").getByRole("cell").allInnerTexts();
  expect(cells.slice(0, 2)).toEqual(["worker-1:4242", "4"]);
  expect(cells).toContain(String(lease.fence));
  const waiters = shown.waiters.getByRole("row");
  await expect.poll(() => waiters.count(), patience).toBe(3);
  const [, first = "", second = ""] = await waiters.allInnerTexts();
  expect(first.split(/\s+/).slice(0, 4)).toEqual(["1", "important", "2", "7"]);
  expect(second.split(/\s+/).slice(0, 4)).toEqual(["2", "patient", "3", "0"]);

  await shown.page.getByRole("link", { name: "All semaphores" }).click();
  await shown.heading("Semaphores").waitFor();
});

it("a lease grows older, and what is left of it counts down and goes up again when it is renewed", async () => {
  await using scene = await startScene();
  await scene.define("openai", { leaseMs: 9_000 });
  await scene.hold("openai", { holder: "worker" });
  await using shown = await openConsole(browser, scene.sidecar, { at: "#/semaphores/openai" });
  const seconds = async (cell: number) => {
    const text = await shown.leaseOf("worker").getByRole("cell").nth(cell).textContent();
    return Number(/^(\d+) s$/.exec(text ?? "")?.[1]);
  };
  const heldFor = () => seconds(2);
  const left = () => seconds(3);
  await expect.poll(heldFor, patience).toBeGreaterThanOrEqual(2);
  expect(await left()).toBeLessThanOrEqual(9);

  const seen: number[] = [];
  await expect
    .poll(async () => {
      const now = await left();
      if (now !== seen.at(-1)) seen.push(now);
      const down = seen.some((value, index) => value < (seen[index - 1] ?? 0));
      const up = seen.some((value, index) => value > (seen[index - 1] ?? 9));
      return down && up;
    }, patience)
    .toBe(true);
});

it("leases and waiters come and go before one's eyes", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 1 });
  await using shown = await openConsole(browser, scene.sidecar, { at: "#/semaphores/openai" });
  await shown.page.getByText("Nobody holds a permit.").waitFor();
  const lease = await scene.hold("openai", { holder: "first" });
  await shown.leaseOf("first").waitFor();
  await scene.queue("openai", { holder: "second" });
  await shown.waiters.getByText("second").waitFor();
  await lease.release();
  await shown.page.getByText("Nobody waits.").waitFor();
  await expect.poll(() => shown.leases.isVisible(), patience).toBe(false);
});

it("holders are found by a filter, among those who hold and those who wait", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 3 });
  for (const holder of ["checkout-1", "checkout-2", "search-1"]) await scene.hold("openai", { holder });
  await scene.queue("openai", { holder: "checkout-3" });
  await scene.queue("openai", { holder: "search-2" });
  await using shown = await openConsole(browser, scene.sidecar, { at: "#/semaphores/openai" });
  await shown.leaseOf("search-1").waitFor();
  await shown.page.getByRole("searchbox", { name: "Filter by holder" }).fill("checkout");
  await expect.poll(() => shown.leases.getByRole("row").count(), patience).toBe(3);
  await expect.poll(() => shown.waiters.getByRole("row").count(), patience).toBe(2);
});

it("a semaphore that is gone, or never was, is said to be", async () => {
  await using scene = await startScene();
  await scene.define("openai");
  const mayLog = [/status of 404/];
  await using shown = await openConsole(browser, scene.sidecar, { at: "#/semaphores/openai", mayLog });
  await shown.page.getByText("Nobody holds a permit.").waitFor();
  await scene.store.remove("openai");
  await shown.page.getByText("There is no semaphore of this name").waitFor();
  expect(await shown.button("Resize…").isVisible()).toBe(false);
});
