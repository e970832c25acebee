import { createServer } from "node:net";
import { expect, it } from "vitest";
import { freePort } from "../src/network/free-port.js";

it("gives no port twice, also to those who ask at once", async () => {
  const ports: number[] = [];
  // Few at once: somebody else may want to listen at one while it is tried.
  while (ports.length < 500) ports.push(...(await Promise.all([freePort(), freePort()])));
  expect(new Set(ports).size).toBe(500);
});

it("gives one at which a server can listen", async () => {
  const port = await freePort();
  await using server = createServer().listen(port, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  expect(server.address()).toMatchObject({ port });
});
