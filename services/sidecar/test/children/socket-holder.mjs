// Holds a permit of "api" by a plain WebSocket, and says so. Arguments: the URL of the sidecar, the lease in ms.
import { WebSocket } from "ws";

const [url, leaseMs] = process.argv.slice(2);
const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/session`, "sluice.v1");
const request = { id: 1, op: "acquire", semaphore: "api", waitMs: 60_000, leaseMs: Number(leaseMs) };
socket.on("open", () => socket.send(JSON.stringify(request)));
socket.on("message", (text) => {
  const { id, ok } = JSON.parse(text);
  if (id === 1) console.log(JSON.stringify({ held: ok }));
});
