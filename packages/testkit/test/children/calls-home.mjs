// Connects to the given port of the given host, and says what comes of it, and what arrives.
import { connect } from "node:net";

const [host, port] = process.argv.slice(2);
const say = (message) => console.log(JSON.stringify(message));
const socket = connect({ host, port: Number(port) });
socket.on("connect", () => say({ from: socket.localAddress }));
socket.on("data", (chunk) => say({ heard: String(chunk) }));
socket.on("error", ({ code }) => say({ code }));
