import { startBrowser, type TestBrowser } from "@sluice/testkit/browser";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openConsole } from "./scene/console.js";
import { focus, focusIsSeen, tabTo } from "./scene/keys.js";
import { patience } from "./scene/patience.js";
import { startScene } from "./scene/scene.js";
import { writeTokens } from "./scene/tokens.js";

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

it("by keys alone: filter, open a semaphore, resize it, go back", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 4 });
  await scene.define("postgres", { limit: 4 });
  await using shown = await openConsole(browser, scene.sidecar);
  const { keyboard } = shown.page;
  await shown.link("postgres").waitFor();

  await keyboard.press("/");
  expect(await focus(shown)).toBe("Filter semaphores");
  expect(await focusIsSeen(shown)).toBe(true);
  await keyboard.type("open");
  await expect.poll(() => shown.names(), patience).toEqual(["openai"]);
  await tabTo(shown, "openai");
  expect(await focusIsSeen(shown)).toBe(true);
  await keyboard.press("Enter");
  await shown.heading("openai").waitFor();

  await shown.button("Resize…").waitFor();
  await tabTo(shown, "Resize…");
  expect(await focusIsSeen(shown)).toBe(true);
  await keyboard.press("Enter");
  await shown.dialog.waitFor();
  await tabTo(shown, "New limit");
  await keyboard.press("Control+A");
  await keyboard.type("9");
  await keyboard.press("Enter");
  await shown.dialog.waitFor({ state: "hidden" });
  expect(await scene.limitOf("openai")).toBe(9);
  await expect.poll(() => focus(shown), patience).toBe("Resize…");

  await tabTo(shown, "All semaphores");
  await keyboard.press("Enter");
  await shown.heading("Semaphores").waitFor();
});

it("by keys alone: revoke, or think better of it", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 4 });
  const lease = await scene.hold("openai", { holder: "worker" });
  await using shown = await openConsole(browser, scene.sidecar, { at: "#/semaphores/openai" });
  const { keyboard } = shown.page;
  const revoke = "Revoke the lease of worker…";
  await shown.button(revoke).waitFor();

  await tabTo(shown, revoke);
  expect(await focusIsSeen(shown)).toBe(true);
  await keyboard.press("Enter");
  await shown.dialog.waitFor();
  await keyboard.press("Escape");
  await shown.dialog.waitFor({ state: "hidden" });
  await expect.poll(() => focus(shown), patience).toBe(revoke);

  await keyboard.press("Enter");
  await shown.dialog.waitFor();
  await tabTo(shown, "Revoke");
  expect(await focusIsSeen(shown)).toBe(true);
  await keyboard.press("Enter");
  await expect.poll(() => lease.signal.aborted, patience).toBe(true);
  await shown.dialog.waitFor({ state: "hidden" });
});

it("while a question is open, keys stay within it", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 4 });
  await using shown = await openConsole(browser, scene.sidecar, { at: "#/semaphores/openai" });
  await shown.button("Resize…").waitFor();
  await tabTo(shown, "Resize…");
  await shown.page.keyboard.press("Enter");
  await shown.dialog.waitFor();
  const reached = new Set<string>();
  for (let step = 0; step < 8; step += 1) {
    await shown.page.keyboard.press("Tab");
    reached.add(await focus(shown));
  }
  expect([...reached].filter((name) => !["New limit", "Cancel", "Resize", ""].includes(name))).toEqual([]);
  expect(reached).toContain("Cancel");
});

it("by keys alone: sign in, sort, sign out", async () => {
  await using tokens = writeTokens({ boss: ["operate"] });
  const environment = { SLUICE_TOKENS_FILE: tokens.file };
  await using scene = await startScene({ environment, token: tokens.of("boss") });
  await scene.define("b", { limit: 1 });
  await scene.define("a", { limit: 1 });
  await scene.hold("b");
  await using shown = await openConsole(browser, scene.sidecar, { mayLog: [/status of 401/] });
  const { keyboard } = shown.page;
  await shown.tokenForm.waitFor();
  await tabTo(shown, "Token");
  await keyboard.type(tokens.of("boss"));
  await keyboard.press("Enter");
  await expect.poll(() => shown.names(), patience).toEqual(["b", "a"]);

  await tabTo(shown, "Name");
  expect(await focusIsSeen(shown)).toBe(true);
  await keyboard.press("Enter");
  await expect.poll(() => shown.names(), patience).toEqual(["a", "b"]);
  await tabTo(shown, "Sign out");
  await keyboard.press("Enter");
  await shown.tokenForm.waitFor();
});

it("rows that come and go do not take the focus away", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 4 });
  await using shown = await openConsole(browser, scene.sidecar);
  await shown.link("openai").waitFor();
  await tabTo(shown, "openai");
  for (const name of ["a-first", "z-last"]) {
    await scene.define(name, { limit: 1 });
    await scene.hold(name);
    await scene.queue(name);
  }
  await expect.poll(async () => (await shown.names()).length, patience).toBe(3);
  expect(await focus(shown)).toBe("openai");
});
