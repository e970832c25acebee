import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Neither ephemeral nor those of the testkit's Redis: while a sidecar is down, nobody takes its port. */
const range = { from: 12_000, to: 20_000 };

export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(range.from, range.to);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
