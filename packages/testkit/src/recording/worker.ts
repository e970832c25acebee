// A process that uses a semaphore and logs the history. Argument: WorkerSettings as JSON. Says { ready }, and then does
// what the lines on its input ask for: { op: "start" }, { op: "block", ms }, { op: "stop", abort }. Once stopped it says
// { stopped: WorkerCounts } and ends.
import { createInterface } from "node:readline";
import { HistoryLog } from "../history/log.js";
import type { Contender, Open } from "./contender.js";
import { Loops } from "./loops.js";
import type { WorkerOrder, WorkerSettings } from "./settings.js";
import { watchStalls } from "./stalls.js";
import { UpstreamClient } from "./upstream-client.js";

const settings = JSON.parse(process.argv[2] ?? "") as WorkerSettings;
const log = new HistoryLog(settings.log, settings.process, settings.semaphore);
const upstream = settings.upstream && (await UpstreamClient.connect(settings.upstream));
const contender = await openContender();
const loops = new Loops({ settings, contender, log, upstream });
const endStalls = watchStalls(log);
const looks = settings.lookEveryMs && setInterval(() => void loops.look(), settings.lookEveryMs);
const orders = createInterface({ input: process.stdin }).on("line", (line) => obey(JSON.parse(line)));
let started = false;
say({ ready: true });

function obey(order: WorkerOrder): void {
  if (order.op === "block") {
    block(order.ms);
    return;
  }
  if (order.op === "stop") loops.stop(order.abort);
  if (started) return;
  started = true;
  void loops.run().then(end);
}

/** Takes the event loop for itself. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

async function end(): Promise<void> {
  clearInterval(looks);
  await contender.close();
  endStalls();
  log.end();
  say({ stopped: loops.counts });
  upstream?.close();
  orders.close();
}

async function openContender(): Promise<Contender> {
  const { contender, store, process, semaphore, limit, leaseMs } = settings;
  const module = contender?.module ?? new URL("./sluice.js", import.meta.url).href;
  const { open }: { readonly open: Open } = await import(module);
  const kept = (lease: string, until: number) => log.keep(lease, until);
  return open({ process, semaphore, limit, leaseMs, settings: contender?.settings ?? store, kept });
}

function say(message: unknown): void {
  console.log(JSON.stringify(message));
}
