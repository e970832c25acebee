import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBrowser, type TestBrowser } from "../src/browser/index.js";
import { tasksIn } from "../src/browser/tasks.js";

let browser: TestBrowser;
let server: Server;
let url: string;

beforeAll(async () => {
  browser = await startBrowser();
  server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.setHeader("content-security-policy", "script-src 'self'");
    response.end('<!doctype html><title>Test</title><link rel="icon" href="data:,"><p>text</p>');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterAll(async () => {
  await browser?.close();
  server.close();
});

/** What is said of a page on which `work` was done. */
async function verdictOn(work: () => unknown, mayLog: readonly RegExp[] = []): Promise<string> {
  const page = await browser.newPage({ mayLog });
  await page.goTo(url);
  await page.page.evaluate(work);
  // What the page has said before is heard before this is answered.
  await page.page.title();
  try {
    await page[Symbol.asyncDispose]();
    return "fine";
  } catch (error) {
    return (error as Error).message;
  }
}

it("a page on which nothing happens is fine, and renders its text", async () => {
  expect(await verdictOn(() => {})).toBe("fine");
  await using page = await browser.newPage({ width: 300, height: 200 });
  await page.goTo(url);
  const box = await page.page.getByText("text").boundingBox();
  expect(box?.height).toBeGreaterThan(10);
});

it("a page that logs an error fails, unless that was expected", async () => {
  expect(await verdictOn(() => console.error("broken"))).toContain("on the console: broken");
  expect(await verdictOn(() => console.error("broken"), [/^broken$/])).toBe("fine");
});

it("a page with an error that nobody catches fails", async () => {
  const thrown = () =>
    new Promise((resolve) => {
      setTimeout(resolve, 1);
      setTimeout(() => {
        throw new Error("forgotten");
      });
    });
  expect(await verdictOn(thrown)).toContain("uncaught: forgotten");
});

it("a page that asks another host fails", async () => {
  const ask = () => fetch("http://127.0.0.2:9/").catch(() => undefined);
  expect(await verdictOn(ask)).toContain("a request to another host: http://127.0.0.2:9/");
});

it("a page that violates its content security policy fails", async () => {
  const inject = () => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'taken over'";
    document.body.append(script);
  };
  expect(await verdictOn(inject)).toMatch(/on the console: .*content security policy/i);
});

it("a busy main thread is seen in its tasks, also where it is busy with promises", async () => {
  await using page = await browser.newPage();
  await page.goTo(url);
  const [longest] = await browser.mainThreadTasks(page, async () => {
    await page.page.evaluate(
      () =>
        new Promise<void>((resolve) => {
          setTimeout(async () => {
            await undefined;
            // A second of work, in which a time that the machine gave to others is no work.
            let workedMs = 0;
            for (let last = performance.now(); workedMs < 1_000; ) {
              const now = performance.now();
              workedMs += Math.min(now - last, 1);
              last = now;
            }
            resolve();
          });
        }),
    );
  });
  expect(longest?.wallMs).toBeGreaterThanOrEqual(1_000);
  expect(longest?.cpuMs).toBeGreaterThan(500);
});

it("a trace without tasks, or with those of a part of the time, proves nothing and is refused", () => {
  expect(() => tasksIn('{"traceEvents":[]}', 1)).toThrow("the trace holds no task");
  const thread = { name: "thread_name", ph: "M", pid: 1, tid: 1, ts: 0, args: { name: "CrRendererMain" } };
  const task = { name: "RunTask", ph: "X", pid: 1, tid: 1, ts: 5_000, dur: 2_000, tdur: 1_000 };
  const trace = JSON.stringify({ traceEvents: [thread, task, { ...task, ts: 9_000 }] });
  expect(tasksIn(trace, 5)).toEqual([
    { cpuMs: 1, wallMs: 2 },
    { cpuMs: 1, wallMs: 2 },
  ]);
  expect(() => tasksIn(trace, 5_000)).toThrow("the trace holds 6 ms of 5000 ms");
});
