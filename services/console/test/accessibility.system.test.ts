import { type PageOptions, startBrowser, type TestBrowser } from "@sluice/testkit/browser";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { overhang, seriousProblems } from "./scene/axe.js";
import { type Console, openConsole } from "./scene/console.js";
import { startScene } from "./scene/scene.js";
import { type Tokens, writeTokens } from "./scene/tokens.js";

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

const looks: readonly (readonly [string, PageOptions])[] = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["375 pixels wide", { width: 375, height: 700 }],
  ["dark and 375 pixels wide", { width: 375, height: 700, colorScheme: "dark" }],
];

/** Long names, which no line of a phone holds. */
const long = `eu-west-1.checkout.${"payments-".repeat(11)}api`;

const mayLog = [/status of (401|404|503)/, /net::ERR/];

describe.each(looks)("in %s", (_name, look) => {
  it("the overview and a semaphore's page, with their questions, are there for everyone", async () => {
    await using scene = await startScene();
    await using shown = await openConsole(browser, scene.sidecar, { ...look, mayLog });
    await shown.page.getByText("There are no semaphores yet").waitFor();
    await fits(shown);

    await scene.define(long, { limit: 2 });
    await scene.define("paused", { limit: 0 });
    await scene.define("openai", { limit: 3 });
    await scene.hold("openai", { permits: 1, holder: "w".repeat(128) });
    await scene.hold("openai", { permits: 2, holder: "worker-1" });
    await scene.queue("openai", { holder: "q".repeat(128) });
    await shown.link(long).waitFor();
    await shown.link("openai").waitFor();
    await fits(shown);
    await shown.filter.fill("nothing of the kind");
    await shown.page.getByText("No semaphore has").waitFor();
    await fits(shown);
    await shown.filter.fill("");

    await shown.open("openai");
    await shown.waiters.waitFor();
    await shown.leaseOf("worker-1").waitFor();
    await fits(shown);
    await shown.button("Resize…").click();
    await shown.dialog.waitFor();
    await fits(shown);
    await shown.page.keyboard.press("Escape");
    await shown.button(/^Revoke the lease of www/).click();
    await shown.dialog.waitFor();
    await fits(shown);
    await shown.page.keyboard.press("Escape");

    await shown.page.evaluate((name) => {
      location.hash = `#/semaphores/${name}`;
    }, long);
    await shown.heading(long).waitFor();
    await fits(shown);
    await shown.page.evaluate(() => {
      location.hash = "#/semaphores/unknown";
    });
    await shown.page.getByText("There is no semaphore of this name").waitFor();
    await fits(shown);
  });

  it("the form for a token is there for everyone, before and after a wrong one", async () => {
    await using tokens: Tokens = writeTokens({ boss: ["operate"] });
    const environment = { SLUICE_TOKENS_FILE: tokens.file };
    await using scene = await startScene({ environment });
    await using shown = await openConsole(browser, scene.sidecar, { ...look, mayLog });
    await shown.tokenForm.waitFor();
    await fits(shown);
    await shown.signIn("a-wrong-token-for-this");
    await shown.alert(/token/i).waitFor();
    await fits(shown);
  });

  it("what is wrong is said to everyone: a store that is away, a recovery, a sidecar that is gone", async () => {
    await using scene = await startScene({ redis: true, environment: { SLUICE_MAX_LEASE_MS: "10000" } });
    await scene.define("openai", { limit: 3 });
    await scene.hold("openai", { holder: "worker-1" });
    await using shown = await openConsole(browser, scene.sidecar, { ...look, mayLog });
    await shown.link("openai").waitFor();
    await scene.redis?.kill();
    await shown.alert("The store is away").waitFor();
    await fits(shown);
    await shown.open("openai");
    await fits(shown);
    await scene.redis?.restart({ empty: true });
    await shown.alert("Recovering").waitFor();
    await fits(shown);
    await scene.sidecar.kill();
    await shown.alert("The sidecar does not answer").waitFor();
    await fits(shown);
  });
});

it("nothing moves or fades: what is seen is what was told, for people and for pictures", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 3 });
  await scene.hold("openai", { holder: "worker-1" });
  await using shown = await openConsole(browser, scene.sidecar);
  await shown.link("openai").waitFor();
  expect(await movement(shown)).toEqual([]);
  await shown.open("openai");
  await shown.button("Resize…").click();
  await shown.dialog.waitFor();
  expect(await movement(shown)).toEqual([]);
});

/** Nobody is kept out, and nothing lies beside the window. */
async function fits(shown: Console): Promise<void> {
  expect(await seriousProblems(shown)).toEqual([]);
  expect(await overhang(shown), "pixels beside the window").toBeLessThanOrEqual(0);
}

/** What would move or fade, and takes longer than the eye. */
async function movement({ page }: Console): Promise<string[]> {
  return await page.evaluate(() => {
    const seconds = (value: string) => Math.max(...value.split(",").map(Number.parseFloat));
    const moving = [...document.querySelectorAll("*")].filter((element) => {
      const { animationName, animationDuration, transitionDuration } = getComputedStyle(element);
      return (
        (animationName !== "none" && seconds(animationDuration) > 0.01) || seconds(transitionDuration) > 0.01
      );
    });
    return moving.map((element) => `${element.tagName} ${element.className}`);
  });
}
