import { startBrowser, type TestBrowser } from "@sluice/testkit/browser";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openConsole } from "./scene/console.js";
import { patience } from "./scene/patience.js";
import { startScene } from "./scene/scene.js";
import { writeTokens } from "./scene/tokens.js";

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

const at = "#/semaphores/openai";

it("revoking asks first, tells the holder, and takes that lease alone", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 2 });
  const stuck = await scene.hold("openai", { holder: "stuck" });
  const working = await scene.hold("openai", { holder: "working" });
  await using shown = await openConsole(browser, scene.sidecar, { at });

  await shown.button(/^Revoke the lease of stuck/).click();
  const question = shown.page.getByRole("dialog", { name: "Revoke lease" });
  await question.waitFor();
  expect(await question.textContent()).toContain("stuck");
  expect(stuck.signal.aborted).toBe(false);
  await question.getByRole("button", { name: "Revoke" }).click();
  await expect.poll(() => stuck.signal.aborted, patience).toBe(true);
  await expect.poll(() => shown.leaseOf("stuck").count(), patience).toBe(0);
  expect(working.signal.aborted).toBe(false);
  expect(await shown.leaseOf("working").count()).toBe(1);
});

it("resizing asks first, and takes effect at once: who waited gets a permit", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 1 });
  await scene.hold("openai", { holder: "first" });
  await scene.queue("openai", { holder: "second" });
  await using shown = await openConsole(browser, scene.sidecar, { at });

  await shown.button("Resize…").click();
  const question = shown.page.getByRole("dialog", { name: "Resize openai" });
  const limit = question.getByRole("spinbutton", { name: "New limit" });
  expect(await limit.inputValue()).toBe("1");
  await limit.fill("2");
  expect(await scene.limitOf("openai")).toBe(1);
  await question.getByRole("button", { name: "Resize" }).click();
  await question.waitFor({ state: "hidden" });
  expect(await scene.limitOf("openai")).toBe(2);
});

it("no number that is no limit can be sent", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 4 });
  await using shown = await openConsole(browser, scene.sidecar, { at });
  await shown.button("Resize…").click();
  for (const wrong of ["", "-1", "1.5"]) {
    await shown.dialog.getByRole("spinbutton").fill(wrong);
    await shown.dialog.getByRole("button", { name: "Resize" }).click();
    expect(await shown.dialog.isVisible(), wrong).toBe(true);
  }
  expect(await scene.limitOf("openai")).toBe(4);
});

it("cancelling changes nothing", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 4 });
  const lease = await scene.hold("openai", { holder: "worker" });
  await using shown = await openConsole(browser, scene.sidecar, { at });

  await shown.button(/^Revoke the lease of worker/).click();
  await shown.dialog.getByRole("button", { name: "Cancel" }).click();
  await shown.dialog.waitFor({ state: "hidden" });
  await shown.button("Resize…").click();
  await shown.dialog.getByRole("spinbutton").fill("9");
  await shown.page.keyboard.press("Escape");
  await shown.dialog.waitFor({ state: "hidden" });

  expect(await scene.limitOf("openai")).toBe(4);
  expect(await lease.release()).toBe(true);
  expect(shown.test.asked.filter(({ method }) => method !== "GET")).toEqual([]);
});

it("a lease that ended while the question was open is said to have ended", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 4 });
  const lease = await scene.hold("openai", { holder: "worker" });
  await using shown = await openConsole(browser, scene.sidecar, { at, mayLog: [/status of 404/] });
  await shown.button(/^Revoke the lease of worker/).click();
  await lease.release();
  await shown.dialog.getByRole("button", { name: "Revoke" }).click();
  await shown.dialog.getByRole("alert").filter({ hasText: /lease/ }).waitFor();
  await shown.dialog.getByRole("button", { name: "Cancel" }).click();
  await shown.page.getByText("Nobody holds a permit.").waitFor();
});

it("an answer that comes late closes no other question", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 2 });
  const first = await scene.hold("openai", { holder: "first" });
  await scene.hold("openai", { holder: "second" });
  await using shown = await openConsole(browser, scene.sidecar, { at });
  let letThrough = () => {};
  const held = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  await shown.page.route("**/leases/*", async (route) => {
    await held;
    await route.continue();
  });

  await shown.button(/^Revoke the lease of first/).click();
  await shown.dialog.getByRole("button", { name: "Revoke" }).click();
  await shown.page.keyboard.press("Escape");
  await shown.button(/^Revoke the lease of second/).click();
  letThrough();
  await expect.poll(() => first.signal.aborted, patience).toBe(true);
  await shown.page.getByText("The lease of first is revoked.").waitFor();
  expect(await shown.dialog.textContent()).toContain("second");
});

it.each(["by Escape", "by its button"])(
  "a question that was left %s can be asked again at once",
  async (way) => {
    await using scene = await startScene();
    await scene.define("openai", { limit: 2 });
    await scene.hold("openai", { holder: "worker" });
    await using shown = await openConsole(browser, scene.sidecar, { at });
    const ask = shown.button(/^Revoke the lease of worker/);
    await ask.click();
    await shown.dialog.waitFor();

    // In one go, before the browser draws again, which is when it tells that a dialog was closed.
    await ask.evaluate(async (button: HTMLButtonElement, isEscape) => {
      const dialog = document.querySelector("dialog");
      if (isEscape) {
        dialog?.dispatchEvent(new Event("cancel", { cancelable: true }));
        dialog?.close();
      } else dialog?.querySelector<HTMLButtonElement>("button[type=button]")?.click();
      await undefined;
      button.click();
      for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
    }, way === "by Escape");
    expect(await shown.dialog.isVisible()).toBe(true);
  },
);

it("a token that may read sees everything, and no action", async () => {
  await using tokens = writeTokens({ reader: ["read"], worker: ["use"], boss: ["operate"] });
  const environment = { SLUICE_TOKENS_FILE: tokens.file };
  await using scene = await startScene({ environment, token: tokens.of("boss") });
  await scene.define("openai", { limit: 4 });
  await scene.hold("openai", { holder: "worker" });
  await using shown = await openConsole(browser, scene.sidecar, { at, mayLog: [/status of 401/] });
  await shown.signIn(tokens.of("reader"));
  await shown.leaseOf("worker").waitFor();
  expect(await shown.page.getByRole("button", { name: /Revoke|Resize/ }).count()).toBe(0);

  await shown.button("Sign out").click();
  await shown.signIn(tokens.of("boss"));
  await shown.button(/^Revoke the lease of worker/).waitFor();
  await shown.button("Resize…").waitFor();
});
