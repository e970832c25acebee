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

it("every semaphore is shown with its limit, what is in use and who waits", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 3 });
  await scene.define("reports", { limit: 2 });
  await scene.define("idle", { limit: 7 });
  await scene.hold("openai", { permits: 2 });
  await scene.hold("reports", { permits: 2 });
  await scene.queue("reports");

  await using shown = await openConsole(browser, scene.sidecar);
  await shown.heading("Semaphores").waitFor();
  await expect.poll(() => shown.page.title(), patience).toMatch(/^Sluice/);
  await expect.poll(() => shown.connection.textContent(), patience).toBe("Live");
  await shown.link("openai").waitFor();
  expect(await shown.cells("openai")).toMatchObject({ use: "2 / 3", waiting: "0" });
  expect(await shown.cells("reports")).toMatchObject({ use: "2 / 2", waiting: "1" });
  expect(await shown.cells("idle")).toMatchObject({ use: "0 / 7", waiting: "0" });
  expect(await shown.overview.getAttribute("aria-rowcount")).toBe("4");
});

it("what changes in the store changes on the page, which nobody reloads", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 3 });
  await using shown = await openConsole(browser, scene.sidecar);
  await expect.poll(() => shown.cells("openai"), patience).toMatchObject({ use: "0 / 3" });

  const lease = await scene.hold("openai", { permits: 3 });
  await expect.poll(() => shown.cells("openai"), patience).toMatchObject({ use: "3 / 3" });
  const waiter = await scene.queue("openai");
  await expect.poll(() => shown.cells("openai"), patience).toMatchObject({ waiting: "1" });
  await waiter.leave();
  await lease.release();
  await expect.poll(() => shown.cells("openai"), patience).toMatchObject({ use: "0 / 3", waiting: "0" });

  await scene.define("new-one", { limit: 5 });
  await expect.poll(() => shown.cells("new-one"), patience).toMatchObject({ use: "0 / 5" });
  await scene.store.remove("openai");
  await expect.poll(() => shown.names(), patience).toEqual(["new-one"]);
});

it("the sparkline goes up and down with the permits in use", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 4 });
  await using shown = await openConsole(browser, scene.sidecar);
  const label = () => shown.sparkline("openai").getAttribute("aria-label");
  const drawn = () => shown.sparkline("openai").locator("path").first().getAttribute("d");
  await expect.poll(label, patience).toMatch(/now 0 of 4$/);
  const flat = await drawn();

  const lease = await scene.hold("openai", { permits: 3 });
  await expect.poll(label, patience).toMatch(/now 3 of 4$/);
  await expect.poll(drawn, patience).not.toBe(flat);
  const raised = await drawn();
  await lease.release();
  await expect.poll(label, patience).toMatch(/now 0 of 4$/);
  await expect.poll(drawn, patience).not.toBe(raised);
});

it("the filter shows the semaphores that have its words in their names, and what is new of them", async () => {
  await using scene = await startScene();
  for (const name of ["openai-chat", "openai-images", "postgres"]) await scene.define(name);
  await using shown = await openConsole(browser, scene.sidecar);
  await shown.filter.fill("OPEN");
  await expect.poll(() => shown.names(), patience).toEqual(["openai-chat", "openai-images"]);
  await scene.define("openai-audio");
  await expect.poll(async () => (await shown.names()).sort(), patience).toContain("openai-audio");
  await shown.filter.fill("nothing of the kind");
  await shown.page.getByText("No semaphore has").waitFor();
  await shown.filter.fill("");
  await expect.poll(async () => (await shown.names()).length, patience).toBe(4);
});

it("a header sorts: by name, by use, by who waits", async () => {
  await using scene = await startScene();
  await scene.define("a-idle", { limit: 10 });
  await scene.define("b-full", { limit: 1 });
  await scene.define("c-half", { limit: 4 });
  await scene.hold("b-full");
  await scene.hold("c-half", { permits: 2 });
  await scene.hold("a-idle");
  await scene.queue("c-half", { permits: 4 });
  await using shown = await openConsole(browser, scene.sidecar);

  // Whom somebody waits for is what an on-call person came for.
  await expect.poll(() => shown.names(), patience).toEqual(["c-half", "b-full", "a-idle"]);
  await shown.button("Name").click();
  await expect.poll(() => shown.names(), patience).toEqual(["a-idle", "b-full", "c-half"]);
  await shown.button("In use").click();
  await expect.poll(() => shown.names(), patience).toEqual(["b-full", "c-half", "a-idle"]);
  const header = shown.page.getByRole("columnheader", { name: "In use" });
  expect(await header.getAttribute("aria-sort")).toBe("descending");
  await shown.button("Waiting").click();
  await expect.poll(() => shown.names(), patience).toEqual(["c-half", "a-idle", "b-full"]);
});

it("a semaphore that gets into trouble rises to the top, also when nothing else happens any more", async () => {
  await using scene = await startScene();
  await scene.define("a-idle", { limit: 1 });
  await scene.define("b-busy", { limit: 1 });
  await using shown = await openConsole(browser, scene.sidecar);
  await expect.poll(() => shown.names(), patience).toEqual(["a-idle", "b-busy"]);
  await scene.hold("b-busy");
  await scene.queue("b-busy");
  await expect.poll(() => shown.names(), patience).toEqual(["b-busy", "a-idle"]);
});

it("where there are no semaphores the page says how one comes to be", async () => {
  await using scene = await startScene();
  await using shown = await openConsole(browser, scene.sidecar);
  await shown.page.getByText("There are no semaphores yet").waitFor();
  await scene.define("openai");
  await expect.poll(() => shown.names(), patience).toEqual(["openai"]);
});
