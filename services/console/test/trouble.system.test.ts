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

/** What a browser says of a server that is away, and of answers that say so. */
const mayLog = [
  /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET/,
  /status of 503/,
];

it("a store that is away is said to be, as long as it is", async () => {
  await using scene = await startScene({ redis: true });
  await scene.define("openai", { limit: 4 });
  await using shown = await openConsole(browser, scene.sidecar, { mayLog });
  await shown.link("openai").waitFor();
  expect(await shown.page.getByRole("alert").count()).toBe(0);

  await scene.redis?.kill();
  await shown.alert("The store is away").waitFor();
  // What was seen last stays, and is marked as old.
  await shown.link("openai").waitFor();
  await scene.redis?.start();
  await shown.alert("The store is away").waitFor({ state: "hidden" });
});

it("a store that comes back empty is said to recover, until it grants again", async () => {
  const environment = { SLUICE_MAX_LEASE_MS: "8000" };
  await using scene = await startScene({ redis: true, environment });
  await scene.define("openai", { limit: 4, leaseMs: 8_000 });
  await scene.hold("openai", { holder: "worker" });
  await using shown = await openConsole(browser, scene.sidecar, { mayLog });
  await shown.link("openai").waitFor();

  await scene.redis?.restart({ empty: true });
  await shown.alert("Recovering").waitFor();
  await shown.alert("Recovering").waitFor({ state: "hidden" });
  await expect.poll(() => shown.cells("openai"), patience).toMatchObject({ use: "1 / 4" });
});

it("a sidecar that is gone is said to be, and found when it is back", async () => {
  await using scene = await startScene({ redis: true });
  await scene.define("openai", { limit: 4 });
  await using shown = await openConsole(browser, scene.sidecar, { mayLog });
  await expect.poll(() => shown.connection.textContent(), patience).toBe("Live");
  await shown.link("openai").waitFor();
  const limitLines = async () => (await shown.limitLine("openai").getAttribute("d"))?.split("M").length;
  expect(await limitLines()).toBe(2);

  await scene.sidecar.kill();
  await expect.poll(() => shown.connection.textContent(), patience).toMatch(/^Sidecar unreachable/);
  await shown.link("openai").waitFor();
  await scene.sidecar.startAgain();
  await expect.poll(() => shown.connection.textContent(), patience).toBe("Live");
  await scene.define("made-since");
  await shown.link("made-since").waitFor();
  // Of the time between nothing is known, and nothing is drawn.
  await expect.poll(limitLines, patience).toBe(3);
});

it("ages and what is left are told as of when the sidecar was heard last", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 4, leaseMs: 6_000 });
  await scene.hold("openai", { holder: "worker" });
  await using shown = await openConsole(browser, scene.sidecar, { mayLog, at: "#/semaphores/openai" });
  await shown.leaseOf("worker").waitFor();
  await scene.sidecar.kill();
  await expect.poll(() => shown.connection.textContent(), patience).toMatch(/^Sidecar unreachable/);
  const row = () => shown.leaseOf("worker").textContent();
  const then = await row();
  await shown.page.getByText(/^as of ([89]|[1-5]\d) s ago/).waitFor();
  expect(await row()).toBe(then);
});

it("after a sleep of the machine it listens anew, because nobody knows what it has missed", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 4 });
  await using shown = await openConsole(browser, scene.sidecar, { mayLog });
  await shown.link("openai").waitFor();
  const listened = () => shown.test.asked.filter(({ url }) => url.endsWith("/v1/events")).length;
  expect(listened()).toBe(1);
  await shown.page.evaluate(() => {
    const awake = Date.now;
    Date.now = () => awake() + 3_600_000;
  });
  await expect.poll(listened, patience).toBe(2);
  await expect.poll(() => shown.connection.textContent(), patience).toBe("Live");
  await scene.define("made-since");
  await shown.link("made-since").waitFor();
});
