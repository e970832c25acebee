import Bottleneck from "bottleneck";
import { Redis } from "ioredis";
import { type Contender, leaseMs } from "./contender.js";

/** Clustered, with an expiration on every job, which its documentation strongly recommends. */
export async function openBottleneck(url: string, name: string, limit: number): Promise<Contender> {
  const { hostname: host, port } = new URL(url);
  const limiter = new Bottleneck({
    id: name,
    maxConcurrent: limit,
    datastore: "ioredis",
    clientOptions: { host, port: Number(port) },
    Redis,
  });
  await limiter.ready();
  return {
    hold: (work) => limiter.schedule({ expiration: leaseMs }, work),
    close: () => limiter.disconnect(),
  };
}
