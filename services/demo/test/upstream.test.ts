import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createUpstream, type UpstreamStats } from "../src/upstream/server.js";

/** The upstream's pauses, ended by the test: the work of a call, and the moment that a refusal takes. */
const pauses: { readonly ms: number; end(): void }[] = [];
const TASK_MS = 2_500;

let server: Server;
let url: string;

beforeEach(async () => {
  pauses.length = 0;
  const pause = (ms: number) => new Promise<void>((end) => pauses.push({ ms, end }));
  server = createUpstream({ limit: 2, taskMs: TASK_MS }, pause).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function call(task: string): Promise<Response> {
  return fetch(`${url}/tasks/${task}`, { method: "POST" });
}

async function stats(): Promise<UpstreamStats> {
  return (await (await fetch(`${url}/stats`)).json()) as UpstreamStats;
}

/** Resolves when the upstream has taken in this many calls. */
async function taken(calls: number): Promise<void> {
  await expect.poll(() => pauses.length, { timeout: 5_000, interval: 2 }).toBe(calls);
}

function endPauses(): void {
  for (const { end } of pauses) end();
}

describe("the upstream", () => {
  it("answers as many calls as its limit allows, each after its time", async () => {
    const answers = [call("1-1"), call("1-2")];
    await taken(2);
    expect(pauses.map(({ ms }) => ms)).toEqual([TASK_MS, TASK_MS]);
    expect(await stats()).toEqual({ limit: 2, running: 2, highest: 2, refused: 0, completed: 0 });
    endPauses();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    expect(await stats()).toEqual({ limit: 2, running: 0, highest: 2, refused: 0, completed: 2 });
  });

  it("answers 429 to a call beyond the limit, and says when to come back", async () => {
    const answers = [call("1-1"), call("1-2")];
    await taken(2);
    const refused = call("1-3");
    await taken(3);
    endPauses();
    const { status, headers } = await refused;
    expect(status).toBe(429);
    expect(headers.get("retry-after")).toBe("3");
    expect(headers.get("retry-after-ms")).toBe("2500");
    await Promise.all(answers);
    expect(await stats()).toMatchObject({ refused: 1, completed: 2 });
  });

  it("records how many calls were open at once, those it refused among them", async () => {
    const answers = ["1-1", "1-2", "1-3", "2-1", "2-2"].map(call);
    await taken(5);
    expect(await stats()).toMatchObject({ running: 2, highest: 5, refused: 3 });
    endPauses();
    await Promise.all(answers);
    expect(await stats()).toMatchObject({ running: 0, highest: 5 });
  });

  it("takes the next call as soon as one has ended", async () => {
    const answers = [call("1-1"), call("1-2")];
    await taken(2);
    pauses[0]?.end();
    await Promise.race(answers);
    const next = call("1-3");
    await taken(3);
    expect(await stats()).toMatchObject({ running: 2, highest: 2, refused: 0 });
    endPauses();
    expect((await next).status).toBe(200);
    await Promise.all(answers);
  });

  it("counts a task once that was called twice", async () => {
    const answers = [call("1-1"), call("1-1")];
    await taken(2);
    endPauses();
    await Promise.all(answers);
    expect(await stats()).toMatchObject({ completed: 1 });
  });

  it.each([
    ["GET", "/tasks/1-1"],
    ["POST", "/tasks/"],
    ["POST", "/stats"],
    ["GET", "/"],
  ])("answers 404 to %s %s, and counts nothing", async (method, path) => {
    const { status } = await fetch(`${url}${path}`, { method });
    expect(status).toBe(404);
    expect(await stats()).toEqual({ limit: 2, running: 0, highest: 0, refused: 0, completed: 0 });
  });
});
