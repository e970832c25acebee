// Callers of a sidecar on another host. Arguments: the URL of the sidecar, and JSON: a list of { kind, body, count },
// kind "plain", "hold" or "session" (one session for all of them). Says { granted: kind, lease } for each lease and
// { ended: kind, code } for each connection that ends; "claim" on stdin lets each session that was open say so in a
// new one, with all its leases, and say { claimed } for each lease.
import { request } from "node:http";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";

const [url, asked] = process.argv.slice(2);
const say = (message) => console.log(JSON.stringify(message));

/** One request of its own connection. What lasts is read line by line; the first one is the lease. */
function ask(kind, body) {
  const path = `${url}/v1/semaphores/api/${kind === "hold" ? "hold" : "acquire"}`;
  const outgoing = request(path, {
    method: "POST",
    agent: false,
    headers: { "content-type": "application/json" },
  });
  outgoing.once("error", ({ code }) => say({ ended: kind, code }));
  outgoing.once("response", (response) => {
    createInterface({ input: response }).once("line", (line) => tellOf(kind, JSON.parse(line)));
    response.once("error", () => {});
    response.once("close", () => say({ ended: kind }));
  });
  outgoing.end(JSON.stringify(body));
}

function tellOf(kind, { lease, code }) {
  say(lease === undefined ? { refused: kind, code } : { granted: kind, lease });
}

function openSession(requests, leases = new Map()) {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/session`, "sluice.v1");
  socket.on("error", () => {});
  socket.once("open", () => {
    for (const [id, body] of requests.entries()) socket.send(JSON.stringify({ id, ...body }));
  });
  socket.on("message", (text) => {
    const message = JSON.parse(text);
    if (message.ok === false) say({ refused: "session", code: message.problem.code });
    else if (Array.isArray(message.leases)) for (const { claimed } of message.leases) say({ claimed });
    else if (message.lease !== undefined && message.id !== undefined) {
      leases.set(message.lease, message);
      tellOf("session", message);
    }
  });
  socket.once("close", (code) => say({ ended: "session", code }));
  return { socket, leases };
}

const sessions = [];
for (const { kind, body, count } of JSON.parse(asked)) {
  const bodies = Array.from({ length: count }, () => body);
  if (kind !== "session") for (const one of bodies) ask(kind, one);
  else sessions.push(openSession(bodies.map((one) => ({ op: "acquire", semaphore: "api", ...one }))));
}

function claim({ socket, leases }) {
  socket.terminate();
  const told = [...leases.values()].map(({ id, ok, at, ...lease }) => lease);
  openSession([{ op: "claim", leases: told }]);
}

createInterface({ input: process.stdin }).on("line", () => {
  for (const session of sessions) claim(session);
});
