import { type MainThreadTask, startBrowser, type TestBrowser } from "@sluice/testkit/browser";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Console, openConsole } from "./scene/console.js";
import { Crowd } from "./scene/crowd.js";
import { patience } from "./scene/patience.js";
import { type Scene, startScene } from "./scene/scene.js";

const size = { semaphores: 1_000, leases: 10_000, inTheCrowded: 4_000 };
/** Each changes most semaphores, and takes a second or more. */
const ROUNDS = 15;
/** What a person does not take for a page that hangs. */
const LONGEST_TASK_MS = 200;

let browser: TestBrowser;
let scene: Scene;
let crowd: Crowd;

beforeAll(async () => {
  browser = await startBrowser();
  scene = await startScene({ environment: { SLUICE_MAX_LEASE_MS: "600000" } });
  crowd = await Crowd.gather(scene, size);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await scene?.[Symbol.asyncDispose]();
});

it("a thousand semaphores that change every second keep the page free for people", async () => {
  await using shown = await openConsole(browser, scene.sidecar);
  await expect.poll(() => shown.overview.getAttribute("aria-rowcount"), patience).toBe("1001");
  const tasks = await browser.mainThreadTasks(shown.test, async () => {
    await shown.page.reload();
    await countChanges(shown);
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all([
        crowd.change(),
        lookAround(shown, shown.filter, ["openai", "crowded"][round % 2] ?? ""),
      ]);
    }
  });
  judge("the overview", tasks);
  expect(await changesSeen(shown), "what was changed has to be seen").toBeGreaterThan(ROUNDS / 3);
  expect(crowd.leases).toBeGreaterThanOrEqual(size.leases - size.semaphores - 100);
}, 240_000);

it("a semaphore whose thousands of leases come and go keeps its page free for people", async () => {
  await using shown = await openConsole(browser, scene.sidecar, { at: "#/semaphores/crowded" });
  const rows = async () => Number(await shown.leases.getAttribute("aria-rowcount"));
  await expect.poll(rows, patience).toBeGreaterThan(size.inTheCrowded - 200);
  const filter = shown.page.getByRole("searchbox", { name: "Filter by holder" });
  const tasks = await browser.mainThreadTasks(shown.test, async () => {
    await shown.page.reload();
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all([crowd.change(), lookAround(shown, filter, `worker-0-${round}`)]);
    }
  });
  judge("a semaphore's page", tasks);
}, 240_000);

it("a page that is busy for longer would be found out", async () => {
  await using shown = await openConsole(browser, scene.sidecar);
  await shown.heading("Semaphores").waitFor();
  const work = () =>
    shown.page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          setTimeout(() => {
            // Work, and not a wait: what counts is what the thread itself has computed.
            let sum = 0;
            for (let step = 0; step < 1e9; step += 1) sum += Math.sqrt(step);
            resolve(sum);
          });
        }),
    );
  const [longest] = await browser.mainThreadTasks(shown.test, work);
  expect(longest?.cpuMs).toBeGreaterThan(LONGEST_TASK_MS);
}, 60_000);

/** From now on counts how often the head of the page says something else of all semaphores together. */
async function countChanges({ totals }: Console): Promise<void> {
  await totals.evaluate((head) => {
    let said = head.textContent;
    let changes = 0;
    new MutationObserver(() => {
      if (head.textContent === said) return;
      said = head.textContent;
      changes += 1;
      document.documentElement.dataset.changes = `${changes}`;
    }).observe(head, { subtree: true, childList: true, characterData: true });
  });
}

function changesSeen({ page }: Console): Promise<number> {
  return page.evaluate(() => Number(document.documentElement.dataset.changes ?? 0));
}

/** Scrolls a table down and up, and looks for something in it. */
async function lookAround({ page }: Console, filter: Console["filter"], word: string): Promise<void> {
  await filter.fill("");
  await page.mouse.move(600, 600);
  for (const step of [400, 4_000, 20_000, -9_000, -30_000]) await page.mouse.wheel(0, step);
  await filter.pressSequentially(word);
}

/** By the processor's time that a task took: on a busy machine the page waits for its turn too. */
function judge(where: string, tasks: readonly MainThreadTask[]): void {
  const [longest] = tasks;
  const wallMs = Math.max(...tasks.map((task) => task.wallMs));
  const shown = (value = 0) => `${value.toFixed(0)} ms`;
  console.log(
    `${where}: ${tasks.length} tasks, longest ${shown(longest?.cpuMs)} computing, ${shown(wallMs)} in all`,
  );
  expect(tasks.length).toBeGreaterThan(1_000);
  expect(longest?.cpuMs).toBeLessThan(LONGEST_TASK_MS);
}
