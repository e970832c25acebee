import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Semaphore, type Store } from "@sluice/core";
import { redisStore } from "@sluice/core/redis";
import { redlockStore } from "@sluice/core/redlock";
import { type NodeProcess, type RedisServer, spawnNode, startRedis, until } from "@sluice/testkit";
import { root } from "../../toolchain/places.mjs";
import { textOf } from "./markdown.js";

/** A sidecar as people start it, at a port of its own. */
export interface SidecarProgram {
  readonly url: string;
  readonly program: NodeProcess;
}

export async function startSidecarProgram(
  env: Readonly<Record<string, string>> = {},
): Promise<SidecarProgram> {
  const file = join(root, "services/sidecar/dist/main.js");
  const program = spawnNode(file, [], { env: { ...env, SLUICE_PORT: "0" } });
  const url = `http://127.0.0.1:${await announcedPort(program)}`;
  await until(async () => (await fetch(`${url}/readyz`)).ok, { what: "the sidecar", timeoutMs: 30_000 });
  return { url, program };
}

/** Where a sidecar says that it listens, which was started with port 0. */
export async function announcedPort(program: NodeProcess): Promise<number> {
  const announced = () => /listens on https?:\/\/[^/\s]+:(\d+)/.exec(program.talk)?.[1];
  const found = until(announced, { what: "a sidecar to listen", timeoutMs: 30_000 });
  const port = await found.catch((error: Error) => {
    throw new Error(`${error.message}\n${program.talk}`);
  });
  return Number(port);
}

/** The quorum that documents name. */
const shownMasters = ["redis://a:6379", "redis://b:6379", "redis://c:6379"];

/** The servers that the blocks of a document name, at addresses of their own. */
export class Servers {
  readonly #needsQuorum: boolean;
  readonly #redises: RedisServer[] = [];
  #sidecar: SidecarProgram | undefined;
  #upstream: Server | undefined;
  #addresses: readonly (readonly [shown: string, real: string])[] = [];

  constructor(document: string) {
    this.#needsQuorum = shownMasters.some((shown) => textOf(document).includes(shown));
  }

  async start(): Promise<void> {
    this.#upstream = createServer((_request, response) => response.end("{}"));
    const upstreamPort = await listen(this.#upstream);
    const redis = await this.#startRedis();
    await settle(redisStore(redis, { assumeFresh: true }));
    const sidecar = await startSidecarProgram();
    this.#sidecar = sidecar;
    this.#addresses = [
      ...(await this.#startQuorum()),
      ["redis://localhost:6379", redis],
      ["http://127.0.0.1:7077", sidecar.url],
      ["ws://127.0.0.1:7077", sidecar.url.replace(/^http/, "ws")],
      ["https://example.com", `http://127.0.0.1:${upstreamPort}`],
    ];
  }

  /** The text with the addresses of these servers instead of those that readers see. */
  placedIn(text: string): string {
    return this.#addresses.reduce((placed, [shown, real]) => placed.replaceAll(shown, real), text);
  }

  async stop(): Promise<void> {
    await this.#sidecar?.program.kill();
    for (const redis of this.#redises) await redis.stop();
    this.#upstream?.closeAllConnections();
    this.#upstream?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #startRedis(): Promise<string> {
    const redis = await startRedis();
    this.#redises.push(redis);
    return redis.url;
  }

  async #startQuorum(): Promise<[shown: string, real: string][]> {
    if (!this.#needsQuorum) return [];
    const masters: [string, string][] = [];
    for (const shown of shownMasters) masters.push([shown, await this.#startRedis()]);
    const urls = masters.map(([, real]) => real);
    await settle(redlockStore(urls, { assumeFresh: true }));
    return masters;
  }
}

/** Readers have servers that have run for a while; these are young, but nobody can hold a lease of them. */
async function settle(store: Store): Promise<void> {
  await new Semaphore(store, "any", { limit: 1 }).use(() => {});
  await store.remove("any");
  await store.close();
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
