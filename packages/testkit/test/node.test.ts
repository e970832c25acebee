import { describe, expect, it } from "vitest";
import { type NodeProcess, spawnNode } from "../src/processes/node.js";

const file = new URL("./children/echo.mjs", import.meta.url);

describe("spawnNode", () => {
  it("passes arguments and environment, and reads messages", async () => {
    await using child = spawnNode(file, ["a", "b"], { env: { ECHO_TEST: "set" } });
    expect(await child.next()).toEqual({ said: "hello", args: ["a", "b"], env: "set" });
  });

  it("hands over each message once, picked by what it says", async () => {
    await using child = await ready();
    for (const number of [1, 2, 3]) child.send(number);
    expect(await child.next<{ echo: number }>(({ echo }) => echo === 3)).toEqual({ echo: 3 });
    expect(child.drain()).toEqual([{ echo: 1 }, { echo: 2 }]);
    expect(child.drain()).toEqual([]);
  });

  it("resolves when the process ends with code 0", async () => {
    await using child = await ready();
    child.send({ exit: 0 });
    await child.finished();
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  it("fails with the exit code, and all that is no message, when it ends otherwise", async () => {
    await using child = await ready();
    child.send({ exit: 3 });
    const ending = /echo\.mjs ended with code 3.*talk on stderr/s;
    await expect(child.next()).rejects.toThrow(ending);
    await expect(child.finished()).rejects.toThrow(ending);
    await expect(child.finished()).rejects.toThrow("not JSON");
  });

  it("fails when no message comes in time", async () => {
    await using child = await ready();
    await expect(child.next(() => true, { timeoutMs: 30 })).rejects.toThrow("timed out after 30 ms");
  });

  it("kills at once", async () => {
    const child = await ready();
    await child.kill();
    expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  it("stops a process in its tracks until it is resumed", async () => {
    await using child = await ready();
    child.pause();
    child.send("anyone?");
    await expect(child.next(() => true, { timeoutMs: 100 })).rejects.toThrow("timed out");
    child.resume();
    expect(await child.next()).toEqual({ echo: "anyone?" });
  });
});

async function ready(): Promise<NodeProcess> {
  const child = spawnNode(file);
  await child.next();
  return child;
}
