// A sidecar, set up by its environment, that also tells what it holds. Says { url } once it listens; then answers each
// line { ask } on stdin: "counts" what is open and held, "memory" what is alive after garbage collection (run node with
// --expose-gc), "drain" when it has ended.
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { queryObjects } from "node:v8";
import { liveTimers } from "./live-timers.mjs";

const { readSettings, startSidecar } = await import("@sluice/sidecar");

const sidecar = await startSidecar(readSettings({ SLUICE_PORT: "0", ...process.env }));
const say = (message) => console.log(JSON.stringify(message));

function counts() {
  const { sessionsOpen, acquiresUnderWay, leasesHeld } = sidecar;
  return { sessionsOpen, acquiresUnderWay, leasesHeld };
}

/** Code that ran hot or cold since the last look moves the heap a little: the smallest of several looks counts. */
async function memory() {
  let heapBytes = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 5; look++) {
    globalThis.gc();
    await new Promise(setImmediate);
    heapBytes = Math.min(heapBytes, process.memoryUsage().heapUsed);
  }
  const handles = process.getActiveResourcesInfo().length;
  return { heapBytes, timers: liveTimers(), sockets: queryObjects(Socket), handles };
}

async function drain() {
  await sidecar.drain();
  process.stdin.destroy();
  return { drained: true };
}

const questions = { counts, memory, drain };

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { ask } = JSON.parse(line);
  say({ [ask]: await questions[ask]() });
});
say({ url: sidecar.url });
