// One process under load: it asks a sidecar for permits in every way there is, and tells the upstream while it works
// under them. Arguments: the URL of the sidecar, that of the upstream, JSON { semaphores: { name: limit }, seed }.
// A line on stdin ends it when everything that it waits for has been served; then it says { served, … }.
import { once } from "node:events";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { sidecarStore } from "@sluice/client";
import { Semaphore } from "@sluice/core";
import { seededRandom } from "@sluice/testkit";
import { WebSocket } from "ws";

const [url, upstream, given] = process.argv.slice(2);
const { semaphores, seed } = JSON.parse(given);
const names = Object.keys(semaphores);
const random = seededRandom(seed);
const upTo = (most) => Math.floor(random() * most);
const agent = new Agent({ keepAlive: true });
const LEASE_MS = 2_000;

/** What a sidecar that is killed or restarted may be answered with, or lead to. */
const awayCodes = new Set([
  "STORE_UNAVAILABLE",
  "RECOVERING",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ACQUIRE_ABORTED",
]);

const stats = { served: 0, timeouts: 0, hangUps: 0, lost: 0, away: 0, longestWaitMs: 0, faults: [] };
let over = false;

/** Works for a moment, for as long as `signal` says that the permits are held. */
async function work(semaphore, permits, signal) {
  const path = `${upstream}/${semaphore}?permits=${permits}&ms=${5 + upTo(40)}`;
  const outgoing = request(path, { agent, signal });
  outgoing.end();
  try {
    const [response] = await once(outgoing, "response");
    response.resume();
    await once(response, "end");
    stats.served += 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    stats.lost += 1;
  }
}

function post(call, semaphore, body, signal) {
  const path = `${url}/v1/semaphores/${semaphore}/${call}`;
  const headers = { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const outgoing = request(path, { method: "POST", agent: false, headers, signal }, resolve);
    outgoing.once("error", reject);
    outgoing.end(JSON.stringify(body));
  });
}

async function answerTo(call, semaphore, body, signal) {
  const response = await post(call, semaphore, body, signal);
  let text = "";
  for await (const chunk of response) text += chunk;
  const answer = JSON.parse(text);
  if (response.statusCode !== 200) throw Object.assign(new Error(text), { code: answer.code });
  return answer;
}

const wanted = () => {
  const semaphore = names[upTo(names.length)];
  return { semaphore, permits: 1 + upTo(Math.min(2, semaphores[semaphore])) };
};

/** By plain HTTP: some give up waiting, some hang up. */
async function plain() {
  const { semaphore, permits } = wanted();
  const impatience = new AbortController();
  const hangsUp = random() < 0.3;
  const leaving = hangsUp && setTimeout(() => impatience.abort(), upTo(300));
  const body = { permits, waitMs: upTo(400), leaseMs: LEASE_MS };
  try {
    const { lease, expiresInMs } = await answerTo("acquire", semaphore, body, impatience.signal);
    clearTimeout(leaving);
    await work(semaphore, permits, AbortSignal.timeout(expiresInMs - 100));
    if (random() < 0.3) await answerTo("renew", semaphore, { leases: [lease] });
    await answerTo("release", semaphore, { lease });
  } catch (error) {
    if (!impatience.signal.aborted) throw error;
    stats.hangUps += 1;
  }
}

async function hold() {
  const { semaphore, permits } = wanted();
  const response = await post("hold", semaphore, { permits, waitMs: 1_000 });
  const ending = new AbortController();
  response.once("error", () => {}).once("close", () => ending.abort());
  if (response.statusCode !== 200) {
    response.resume();
    stats.timeouts += 1;
    return;
  }
  response.resume();
  await work(semaphore, permits, ending.signal);
  response.destroy();
}

/** A session by hand: another one may claim the lease, and it vanishes more often than not. */
async function rawSession() {
  const { semaphore, permits } = wanted();
  const first = await openSession();
  let session = first;
  try {
    const lease = await first.ask({ op: "acquire", semaphore, permits, waitMs: 1_000, leaseMs: LEASE_MS });
    if (random() < 0.5) {
      session = await openSession();
      const { ok, id, at, ...told } = lease;
      await session.ask({ op: "claim", leases: [told] });
      first.socket.terminate();
    }
    await work(semaphore, permits, session.ended);
    if (random() < 0.5) await session.ask({ op: "release", semaphore, lease: lease.lease });
  } finally {
    first.socket.terminate();
    session.socket.terminate();
  }
}

async function openSession() {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/session`, "sluice.v1");
  const ending = new AbortController();
  const asked = new Map();
  let ids = 0;
  const end = () => {
    ending.abort();
    for (const { reject } of asked.values()) reject(Object.assign(new Error("it ended"), { code: "EPIPE" }));
  };
  socket.once("close", end);
  socket.on("message", (text) => {
    const { id, ...answer } = JSON.parse(text);
    if (answer.event === "lost") ending.abort();
    if (answer.ok) asked.get(id)?.resolve(answer);
    else if (id !== undefined)
      asked.get(id)?.reject(Object.assign(new Error(answer.problem.detail), { code: answer.problem.code }));
    asked.delete(id);
  });
  const ask = (message) =>
    new Promise((resolve, reject) => {
      const id = ++ids;
      asked.set(id, { resolve, reject });
      if (ending.signal.aborted) end();
      else socket.send(JSON.stringify({ id, ...message }));
    });
  const opened = once(socket, "open");
  socket.on("error", () => {});
  await opened;
  return { socket, ask, ended: ending.signal };
}

const store = sidecarStore(url);
const shared = Object.fromEntries(names.map((name) => [name, new Semaphore(store, name)]));

/** By the client package, which waits for as long as it takes. */
async function client() {
  const { semaphore, permits } = wanted();
  const from = performance.now();
  await shared[semaphore].use(
    (lease) => {
      stats.longestWaitMs = Math.max(stats.longestWaitMs, performance.now() - from);
      return work(semaphore, permits, lease.signal);
    },
    { permits, leaseMs: LEASE_MS },
  );
}

async function repeat(task) {
  while (!over) {
    try {
      await task();
    } catch (error) {
      await failed(task, error);
    }
  }
}

async function failed(task, error) {
  const { code } = error;
  if (code === "ACQUIRE_TIMEOUT") stats.timeouts += 1;
  else if (!awayCodes.has(code) && !/Unexpected server response: 503|socket hang up/.test(error.message))
    stats.faults.push(`${task.name}: ${error.stack}`);
  else {
    stats.away += 1;
    await sleep(50);
  }
}

createInterface({ input: process.stdin }).once("line", () => {
  over = true;
});

const tasks = [client, client, client, client, plain, plain, plain, hold, hold, rawSession, rawSession];
await Promise.all(tasks.map(repeat));
await store.close();
agent.destroy();
process.stdin.destroy();
console.log(JSON.stringify(stats));
