import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Semaphore } from "@sluice/core";
import { redisStore } from "@sluice/core/redis";
import { type NodeProcess, type RedisServer, spawnNode, startRedis, until } from "@sluice/testkit";
import { root } from "../../toolchain/places.mjs";

/** A sidecar as people start it, at a port of its own. */
export interface SidecarProgram {
  readonly url: string;
  readonly program: NodeProcess;
}

export async function startSidecarProgram(
  env: Readonly<Record<string, string>> = {},
): Promise<SidecarProgram> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const file = join(root, "services/sidecar/dist/main.js");
  const program = spawnNode(file, [], { env: { ...env, SLUICE_PORT: `${port}` } });
  await until(async () => (await fetch(`${url}/readyz`)).ok, { what: "the sidecar", timeoutMs: 15_000 });
  return { url, program };
}

/** The servers that the examples name, at addresses of their own. */
export class Servers {
  #redis: RedisServer | undefined;
  #sidecar: SidecarProgram | undefined;
  #upstream: Server | undefined;
  #addresses: readonly (readonly [shown: string, real: string])[] = [];

  async start(): Promise<void> {
    this.#upstream = createServer((_request, response) => response.end("{}"));
    const upstreamPort = await listen(this.#upstream);
    this.#redis = await startRedis();
    await settle(this.#redis.url);
    this.#sidecar = await startSidecarProgram();
    this.#addresses = [
      ["redis://localhost:6379", this.#redis.url],
      ["http://127.0.0.1:7077", this.#sidecar.url],
      ["ws://127.0.0.1:7077", this.#sidecar.url.replace(/^http/, "ws")],
      ["https://example.com", `http://127.0.0.1:${upstreamPort}`],
    ];
  }

  /** The text with the addresses of these servers instead of those that readers see. */
  placedIn(text: string): string {
    return this.#addresses.reduce((placed, [shown, real]) => placed.replaceAll(shown, real), text);
  }

  async stop(): Promise<void> {
    await this.#sidecar?.program.kill();
    await this.#redis?.stop();
    this.#upstream?.closeAllConnections();
    this.#upstream?.close();
  }
}

/** Readers have a Redis that has run for a while; this one is young, but nobody can hold a lease of it. */
async function settle(url: string): Promise<void> {
  const store = redisStore(url, { assumeFresh: true });
  await new Semaphore(store, "any", { limit: 1 }).use(() => {});
  await store.remove("any");
  await store.close();
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return port;
}
