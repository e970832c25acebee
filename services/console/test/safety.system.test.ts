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

it("the page loads what its sidecar serves and nothing else, under a policy that allows nothing else", async () => {
  await using scene = await startScene();
  await scene.define("openai");
  await using shown = await openConsole(browser, scene.sidecar);
  await shown.open("openai");
  const hosts = shown.test.asked.map(({ url }) => new URL(url).origin);
  expect(new Set(hosts)).toEqual(new Set([scene.sidecar.url]));

  const { headers } = await fetch(scene.sidecar.url);
  const policy = directivesOf(headers.get("content-security-policy") ?? "");
  expect(policy["default-src"]).toBe("'none'");
  expect(policy["script-src"]).toBe("'self'");
  expect(policy["connect-src"]).toBe("'self'");
  expect(policy["frame-ancestors"]).toBe("'none'");
  expect(policy["base-uri"]).toBe("'none'");
  expect(Object.values(policy).join(" ")).not.toMatch(/unsafe|\*|https?:/);
});

/** How a browser says that it has refused a script. */
const mayLog = [/content security policy|TrustedScript/i];

it("a script that somebody slips into the page is not run", async () => {
  await using scene = await startScene();
  await using shown = await openConsole(browser, scene.sidecar, { mayLog });
  await shown.heading("Semaphores").waitFor();
  const ran = await shown.page.evaluate(() => {
    try {
      const script = document.createElement("script");
      script.textContent = "globalThis.slippedIn = true";
      document.body.append(script);
    } catch {
      // Refused before it was a script.
    }
    return "slippedIn" in globalThis;
  });
  expect(ran).toBe(false);
});

const hostile = [
  "<img src=x onerror=globalThis.slippedIn=1>",
  "<script>globalThis.slippedIn=1</script>",
  `"><svg onload=globalThis.slippedIn=1>`,
  "javascript:globalThis.slippedIn=1",
];

it("what holders call themselves is text, whatever it looks like", async () => {
  await using scene = await startScene();
  await scene.define("openai", { limit: 2 });
  const [one, two, three, four] = hostile;
  await scene.hold("openai", { holder: String(one) });
  await scene.hold("openai", { holder: String(two) });
  await scene.queue("openai", { holder: String(three) });
  await scene.queue("openai", { holder: String(four) });
  await using shown = await openConsole(browser, scene.sidecar, { at: "#/semaphores/openai" });

  for (const holder of hostile) await shown.page.getByRole("cell", { name: holder, exact: true }).waitFor();
  await shown.button(`Revoke the lease of ${one}…`).click();
  expect(await shown.dialog.textContent()).toContain(String(one));
  expect(await shown.page.locator("img, svg[onload], main script").count()).toBe(0);
  expect(await shown.page.evaluate(() => "slippedIn" in globalThis)).toBe(false);
});

it.each([
  "<img src=x onerror=globalThis.slippedIn=1>",
  ".",
  "..",
  "a/b?c#d",
  "\u202egnp.\u0000",
  "x".repeat(129),
])("an address that is no semaphore's is text too, and nobody is asked for it: %j", async (name) => {
  await using scene = await startScene();
  await using shown = await openConsole(browser, scene.sidecar, {
    at: `#/semaphores/${encodeURIComponent(name)}`,
  });
  await shown.page.getByText("There is no semaphore of this name").waitFor();
  expect(await shown.page.getByRole("heading", { level: 1 }).textContent()).toBe(name);
  expect(await shown.page.locator("main img").count()).toBe(0);
  await expect.poll(() => shown.connection.textContent(), patience).toBe("Live");
  expect(shown.test.asked.map(({ url }) => new URL(url).pathname)).not.toContainEqual(
    expect.stringContaining("/v1/semaphores"),
  );
});

function directivesOf(policy: string): Record<string, string> {
  const directives = policy.split(";").map((directive) => directive.trim().split(/\s+/));
  return Object.fromEntries(directives.map(([name, ...values]) => [name, values.join(" ")]));
}
