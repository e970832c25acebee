import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { inTime } from "../src/in-time.js";

test("an answer that arrives while the loop is blocked is in time", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connect(port, "127.0.0.1");
  const [peer] = (await once(server, "connection")) as [Socket];
  let isLate = false;
  const answer = inTime(20, once(client, "data"), () => {
    isLate = true;
  });
  peer.write("here");
  const from = performance.now();
  while (performance.now() - from < 100);
  expect(String(await answer)).toBe("here");
  expect(isLate).toBe(false);
  client.destroy();
  peer.destroy();
  server.close();
});

test("an answer that does not come is told of once", async () => {
  let told = 0;
  const answer = inTime(5, new Promise(() => {}), () => {
    told += 1;
  });
  await expect(answer).rejects.toThrow("no answer within 5 ms");
  expect(told).toBe(1);
});
