import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sidecarStore } from "@sluice/client";
import { spawnNode, until } from "@sluice/testkit";
import { startBrowser } from "@sluice/testkit/browser";
import { root } from "../toolchain/places.mjs";
import { say } from "../toolchain/steps.mjs";
import { pictures } from "./pictures.mjs";
import { openShop } from "./shop.mjs";

const port = 17_077;
const url = `http://127.0.0.1:${port}/`;

/** How far back a sparkline goes, and a little more: it begins when the page is opened. */
const HISTORY_MS = 125_000;

/** Rows change places at most every three seconds: whom somebody waits for is at the top after that. */
const SETTLED_MS = 4_000;

/** Writes the pictures of the documents: the console of a sidecar that a shop works with. It takes some minutes. */
export async function takeScreenshots() {
  const folder = join(root, "docs/images");
  mkdirSync(folder, { recursive: true });
  const closing = new AbortController();
  const program = spawnNode(join(root, "services/sidecar/dist/main.js"), [], {
    env: { SLUICE_PORT: `${port}`, SLUICE_LOG_LEVEL: "error" },
  });
  const store = sidecarStore(url);
  const browser = await startBrowser();
  try {
    await until(async () => (await fetch(`${url}readyz`)).ok, { what: "the sidecar", timeoutMs: 60_000 });
    await openShop(store, closing.signal);
    const opened = await Promise.all(pictures.map((picture) => open(browser, picture)));
    say("filling two minutes of history");
    await sleep(HISTORY_MS);
    await rushHour(store);
    for (const { file, page } of opened) {
      await page.page.screenshot({ path: join(folder, file) });
      say(`wrote ${relative(root, join(folder, file))}`);
      await page[Symbol.asyncDispose]();
    }
  } finally {
    closing.abort();
    await browser.close();
    await store.close();
    await program.kill();
  }
}

/** A moment at which there is something to see. @param {import("@sluice/core").Store} store */
async function rushHour(store) {
  const waiting = async (/** @type {string} */ semaphore) => (await store.inspect(semaphore))?.waiting ?? 0;
  const isBusy = async () => (await waiting("openai")) >= 3 && (await waiting("postgres-reports")) >= 1;
  await until(isBusy, { what: "a rush", timeoutMs: 120_000, everyMs: 200 });
  await sleep(SETTLED_MS);
}

/** @param {import("@sluice/testkit/browser").TestBrowser} browser @param {import("./pictures.mjs").Picture} picture */
async function open(browser, { file, at = "", ...look }) {
  const page = await browser.newPage(look);
  await page.goTo(url + at);
  return { file, page };
}
