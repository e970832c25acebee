import { type Browser, type BrowserContextOptions, chromium } from "playwright-core";
import { chromiumPath } from "./binary.js";
import { TestPage, type Tolerance } from "./page.js";
import { type MainThreadTask, tasksIn } from "./tasks.js";

/** What keeps it to itself: no window, no calls home, no way around the network that a test looks at. */
const habits = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The one that tells of tasks as the developer tools show them. */
const taskCategories = ["disabled-by-default-devtools.timeline"];

export interface PageOptions extends Tolerance {
  /** 1280 by 800 when left out. */
  readonly width?: number;
  readonly height?: number;
  /** Light when left out. */
  readonly colorScheme?: "light" | "dark";
  /** Pixels of the screen for each of the page; 1 when left out. */
  readonly scale?: number;
}

/**
 * A Chromium of its own, without a window and with an empty profile. It ends with this process.
 *
 * @throws Error where there is no Chromium, or where it does not start
 */
export async function startBrowser(): Promise<TestBrowser> {
  // Chromium refuses its sandbox to root, who runs most tests in containers.
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    args: habits,
    chromiumSandbox: false,
  });
  return new TestBrowser(browser);
}

export class TestBrowser {
  readonly #browser: Browser;

  /** Use `startBrowser`. */
  constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** What it says it is. */
  get version(): string {
    return this.#browser.version();
  }

  /** An empty page with storage of its own, from which `TestPage.goTo` leads on. */
  async newPage(options: PageOptions = {}): Promise<TestPage> {
    const context = await this.#browser.newContext(contextOptions(options));
    return new TestPage(await context.newPage(), options);
  }

  /** What the page's main thread did while `work` ran, task by task, longest CPU time first. */
  async mainThreadTasks(page: TestPage, work: () => Promise<unknown>): Promise<readonly MainThreadTask[]> {
    await this.#browser.startTracing(page.page, { categories: taskCategories });
    let trace: Buffer;
    let endedAt: number;
    const begunAt = performance.now();
    try {
      await work();
      // A task is in the trace when it has ended: that in which the work was answered may not have.
      await page.page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
    } finally {
      endedAt = performance.now();
      trace = await this.#browser.stopTracing();
    }
    return tasksIn(trace.toString("utf8"), endedAt - begunAt);
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function contextOptions(options: PageOptions): BrowserContextOptions {
  const { width = 1_280, height = 800, colorScheme = "light", scale = 1 } = options;
  return { viewport: { width, height }, colorScheme, deviceScaleFactor: scale };
}
