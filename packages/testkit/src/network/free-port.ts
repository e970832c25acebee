import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Neither ephemeral ones, of which any connection and any server on port 0 may take one at any moment, nor those of the
 * testkit's Redis and Prometheus.
 */
const range = { from: 16_000, to: 20_000 };

const given = new Set<number>();

/**
 * A port of loopback that nobody has, for a program that must be told its port: nobody takes it before that listens, or
 * while it is down, this process least of all. A program that can say where it listens is better given port 0.
 */
export async function freePort(): Promise<number> {
  for (let draw = 0; draw < 100; draw += 1) {
    const port = randomInt(range.from, range.to);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`expected a free port between ${range.from} and ${range.to}, and drew none`);
}

/** On all addresses: a server on any of them may be in the way of one on loopback. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port);
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
