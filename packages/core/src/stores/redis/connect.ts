import { Redis } from "ioredis";
import { newProcessId } from "../../ids.js";
import { scripts } from "./binding.js";
import { isCluster, ownClientOptions, type RedisClient, validateClient } from "./client.js";
import { Cluster } from "./cluster/cluster.js";
import { type ClusterSource, type RedisCluster, sourceFromClient } from "./cluster/source.js";
import { addressOf, partsOf } from "./cluster/topology.js";
import { Connection } from "./connection.js";
import type { Network, NetworkListener } from "./link.js";
import { type RedisUrl, readRedisUrl } from "./url.js";
import { inboxOf } from "./wire.js";

export interface ConnectOptions {
  readonly prefix: string;
  readonly assumeFresh: boolean;
}

/**
 * How a store comes to its servers, which it does when it is made.
 *
 * @throws InvalidArgumentError
 */
export function connector(
  redis: string | RedisClient | RedisCluster,
  { prefix, assumeFresh }: ConnectOptions,
): (listener: NetworkListener) => Network {
  const process = newProcessId().slice(0, 12);
  const common = { process, scripts, assumeFresh };
  const server = (client: RedisClient, own: boolean) => (listener: NetworkListener) =>
    new Connection({ ...common, client, own, inbox: inboxOf(prefix, process), listener });
  const cluster = (source: ClusterSource) => (listener: NetworkListener) =>
    new Cluster({ ...common, source, prefix, listener });

  if (typeof redis === "string") {
    const url = readRedisUrl(redis);
    return url.kind === "cluster" ? cluster(sourceFromUrl(url)) : server(clientFromUrl(url), true);
  }
  validateClient(redis);
  return isCluster(redis) ? cluster(sourceFromClient(redis)) : server(redis, false);
}

function clientFromUrl(url: Exclude<RedisUrl, { kind: "cluster" }>): RedisClient {
  if (url.kind === "server") return new Redis(url.url, { ...ownClientOptions });
  const { hosts, name, db, tls, sentinel } = url;
  return new Redis({
    ...ownClientOptions,
    ...given({ username: url.username, password: url.password }),
    ...given({ sentinelUsername: sentinel.username, sentinelPassword: sentinel.password }),
    ...(tls ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
    sentinels: [...hosts],
    name,
    db,
    sentinelRetryStrategy: ownClientOptions.retryStrategy,
  });
}

function sourceFromUrl({ hosts, username, password, tls }: RedisUrl & { kind: "cluster" }): ClusterSource {
  const access = { ...given({ username, password }), ...(tls ? { tls: {} } : {}) };
  return {
    seeds: () => hosts.map(({ host, port }) => addressOf(host, port)),
    reached: (address) => address,
    client: (address, options) => new Redis({ ...access, ...options, ...partsOf(address) }),
  };
}

/** ioredis takes an option that is undefined for one that is given. */
function given<Options extends object>(
  options: Options,
): { [Name in keyof Options]: NonNullable<Options[Name]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}
