import { startBrowser, type TestBrowser } from "@sluice/testkit/browser";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Console, openConsole } from "./scene/console.js";
import { patience } from "./scene/patience.js";
import { startScene } from "./scene/scene.js";
import { writeTokens } from "./scene/tokens.js";

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

/** A refusal is what these tests are about. */
const mayLog = [/status of 401/];

const stored = ({ page }: Console, place: "sessionStorage" | "localStorage") =>
  page.evaluate((name) => JSON.stringify({ ...globalThis[name] }), place);

async function guarded() {
  const tokens = writeTokens({ "on-call": ["operate"], other: ["operate"] });
  const environment = { SLUICE_TOKENS_FILE: tokens.file };
  const scene = await startScene({ environment, token: tokens.of("other") });
  await scene.define("openai");
  return { tokens, scene };
}

it("a sidecar that asks for a token has the page ask for one, and tells a wrong one from a right one", async () => {
  const { tokens, scene } = await guarded();
  await using _tokens = tokens;
  await using _scene = scene;
  await using shown = await openConsole(browser, scene.sidecar, { mayLog });

  await shown.tokenForm.waitFor();
  await shown.signIn("not-the-right-token-at-all");
  await expect
    .poll(() => shown.page.getByRole("alert").allInnerTexts(), patience)
    .toContainEqual(expect.stringMatching(/token/i));
  await shown.signIn(tokens.of("on-call"));
  await expect.poll(() => shown.names(), patience).toEqual(["openai"]);
  expect(await shown.tokenForm.isVisible()).toBe(false);
});

it("a token that may not read, and what cannot be a token, are said to be that", async () => {
  await using tokens = writeTokens({ worker: ["use"], other: ["operate"] });
  const environment = { SLUICE_TOKENS_FILE: tokens.file };
  await using scene = await startScene({ environment, token: tokens.of("other") });
  await using shown = await openConsole(browser, scene.sidecar, { mayLog: [...mayLog, /status of 403/] });
  await shown.signIn("what–is no token…");
  await shown.alert("printable ASCII").waitFor();
  await shown.signIn(tokens.of("worker"));
  await shown.alert("read").waitFor();
  expect(await stored(shown, "sessionStorage")).not.toContain(tokens.of("worker"));
  await shown.signIn(tokens.of("other"));
  await shown.page.getByText("There are no semaphores yet").waitFor();
});

it("where the browser stores nothing, a token lasts until the page is closed", async () => {
  const { tokens, scene } = await guarded();
  await using _tokens = tokens;
  await using _scene = scene;
  await using test = await browser.newPage({ mayLog });
  await test.page.addInitScript(() => {
    const denied = {
      get: () => {
        throw new DOMException("denied", "SecurityError");
      },
    };
    Object.defineProperties(globalThis, { sessionStorage: denied, localStorage: denied });
  });
  await test.goTo(scene.sidecar.url);
  const shown = new Console(test);
  await shown.signIn(tokens.of("on-call"));
  await shown.link("openai").waitFor();
  await shown.page.getByLabel("Theme").selectOption("Dark");
  await shown.page.reload();
  await shown.tokenForm.waitFor();
});

it("a token outlives a reload, in the storage of its tab and nowhere else", async () => {
  const { tokens, scene } = await guarded();
  await using _tokens = tokens;
  await using _scene = scene;
  await using shown = await openConsole(browser, scene.sidecar, { mayLog });
  const secret = tokens.of("on-call");
  await shown.signIn(secret);
  await expect.poll(() => shown.names(), patience).toEqual(["openai"]);
  await shown.page.reload();
  await expect.poll(() => shown.names(), patience).toEqual(["openai"]);
  await shown.open("openai");

  expect(await stored(shown, "sessionStorage")).toContain(secret);
  expect(await stored(shown, "localStorage")).not.toContain(secret);
  expect(await shown.page.evaluate(() => document.cookie)).toBe("");
  const urls = [shown.page.url(), ...shown.test.asked.map(({ url }) => url)];
  expect(urls.filter((url) => url.includes(secret))).toEqual([]);
  const other = await shown.page.context().newPage();
  await other.goto(scene.sidecar.url);
  await other.getByRole("heading", { name: "This sidecar asks for a token" }).waitFor();
});

it("signing out forgets the token, and what it showed", async () => {
  const { tokens, scene } = await guarded();
  await using _tokens = tokens;
  await using _scene = scene;
  await using shown = await openConsole(browser, scene.sidecar, { mayLog });
  await shown.signIn(tokens.of("on-call"));
  await shown.link("openai").waitFor();
  await shown.button("Sign out").click();

  await shown.tokenForm.waitFor();
  expect(await stored(shown, "sessionStorage")).not.toContain(tokens.of("on-call"));
  expect(await shown.page.content()).not.toContain("openai");
  await shown.page.reload();
  await shown.tokenForm.waitFor();
});

it("a token that is withdrawn ends what its page shows", async () => {
  const { tokens, scene } = await guarded();
  await using _tokens = tokens;
  await using _scene = scene;
  await using shown = await openConsole(browser, scene.sidecar, { mayLog });
  await shown.signIn(tokens.of("on-call"));
  await shown.link("openai").waitFor();

  tokens.write({ other: ["operate"] });
  scene.sidecar.reload();
  await shown.tokenForm.waitFor();
  expect(await shown.link("openai").isVisible()).toBe(false);
  expect(await stored(shown, "sessionStorage")).not.toContain(tokens.of("on-call"));
  await shown.signIn(tokens.of("other"));
  await shown.link("openai").waitFor();
});

it("a token that loses its scope for actions loses the buttons", async () => {
  const { tokens, scene } = await guarded();
  await using _tokens = tokens;
  await using _scene = scene;
  await using shown = await openConsole(browser, scene.sidecar, { mayLog, at: "#/semaphores/openai" });
  await shown.signIn(tokens.of("on-call"));
  await shown.button("Resize…").waitFor();

  tokens.write({ "on-call": ["read"], other: ["operate"] });
  scene.sidecar.reload();
  await shown.button("Resize…").waitFor({ state: "hidden" });
  await shown.heading("openai").waitFor();
});
