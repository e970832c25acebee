// One of the processes that drain the tasks. Says `ready` once connected; for each line on its input it runs its share
// and says from when to when each task lasted.
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { monotonicMs } from "../clock.js";
import { limiters } from "../contenders/index.js";
import type { Span } from "../statistics.js";
import type { Share } from "./drain.js";

const { limiter, url, limit, tasks, taskMs } = JSON.parse(process.argv[2] ?? "") as Share;
const contender = await limiters[limiter](url, "drain", limit);
console.log(JSON.stringify("ready"));

for await (const _go of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await Promise.all(Array.from({ length: tasks }, task))));
}

async function task(): Promise<Span> {
  let span: Span = [0, 0];
  await contender.hold(async () => {
    const from = monotonicMs();
    await sleep(taskMs);
    span = [from, monotonicMs()];
  });
  return span;
}
