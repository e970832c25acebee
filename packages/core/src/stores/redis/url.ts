import { InvalidArgumentError } from "../../errors.js";

export interface Host {
  readonly host: string;
  readonly port: number;
}

/** Where a URL leads, and how one is let in there. */
export type RedisUrl =
  | { readonly kind: "server"; readonly url: string }
  | ({ readonly kind: "cluster" } & Access & { readonly hosts: readonly Host[] })
  | ({ readonly kind: "sentinel" } & Access & {
        readonly hosts: readonly Host[];
        readonly name: string;
        readonly db: number;
        readonly sentinel: Credentials;
      });

export interface Credentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

interface Access extends Credentials {
  readonly tls: boolean;
}

const ports = { cluster: 6379, sentinel: 26379 } as const;

const expected =
  "redis://host:port/db, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/name (rediss… for TLS)";

/**
 * Reads `redis://…`, `redis+cluster://[user:password@]host[:port],…` and
 * `redis+sentinel://[user:password@]host[:port],…/name[/db][?sentinelUsername=…&sentinelPassword=…]`; beginning with
 * `rediss` they speak TLS.
 *
 * @throws InvalidArgumentError, which does not repeat what may be a password
 */
export function readRedisUrl(url: string): RedisUrl {
  const parsed = tryParse(url);
  if (parsed === undefined) throw new InvalidArgumentError("redis", expected, "another URL");
  return parsed;
}

/** Where the URL leads, without passwords, for people to read; undefined where the store does not take it. */
export function redisUrlWithoutSecrets(url: string): string | undefined {
  const parsed = tryParse(url);
  if (parsed === undefined) return undefined;
  if (parsed.kind === "server") {
    const { hostname, port, pathname } = new URL(url);
    return `${hostname}:${port || 6379}${pathname === "/" ? "" : pathname}`;
  }
  const hosts = parsed.hosts.map(({ host, port }) => `${host}:${port}`).join(",");
  return parsed.kind === "sentinel" ? `${parsed.name} by Sentinels ${hosts}` : `the Cluster of ${hosts}`;
}

function tryParse(url: string): RedisUrl | undefined {
  try {
    return parse(url);
  } catch {
    return undefined; // no URL, or an escape that stands for nothing
  }
}

function parse(url: string): RedisUrl | undefined {
  if (/^rediss?:\/\//.test(url)) return isServerUrl(url) ? { kind: "server", url } : undefined;
  const parts =
    /^redis(s?)\+(cluster|sentinel):\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url);
  if (parts === null) return undefined;
  const [, secure, topology, credentials = "", hostList = "", path = "", query = ""] = parts;
  const kind = topology === "cluster" ? "cluster" : "sentinel";
  const hosts = hostList.split(",").map((host) => readHost(host, ports[kind]));
  const access = { tls: secure === "s", ...readCredentials(credentials) };
  if (!hosts.every((host) => host !== undefined)) return undefined;
  if (kind === "cluster") return path === "" && query === "" ? { kind, hosts, ...access } : undefined;
  const [, name, db = "0"] = /^([^/]+)(?:\/(\d+))?$/.exec(path) ?? [];
  const sentinel = readSentinelCredentials(query);
  if (name === undefined || sentinel === undefined) return undefined;
  return { kind, hosts, ...access, name: decodeURIComponent(name), db: Number(db), sentinel };
}

/** The client would take every parameter for an option, above those of ours, and go on where a database is no number. */
function isServerUrl(url: string): boolean {
  const { pathname, searchParams, username, password } = new URL(url);
  decodeURIComponent(username + password);
  const hasOptions = [...searchParams.keys()].some((name) => name !== "family");
  return /^\/?\d*$/.test(pathname) && !hasOptions;
}

function readHost(text: string, defaultPort: number): Host | undefined {
  const [, bracketed, plain, port] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = Number(port ?? defaultPort);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}

function readCredentials(text: string): Credentials {
  const colon = text.indexOf(":");
  const [username, password] = colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
  return {
    username: decodeURIComponent(username) || undefined,
    password: decodeURIComponent(password) || undefined,
  };
}

function readSentinelCredentials(query: string): Credentials | undefined {
  const { sentinelUsername, sentinelPassword, ...unknown } = Object.fromEntries(new URLSearchParams(query));
  if (Object.keys(unknown).length > 0) return undefined;
  return { username: sentinelUsername || undefined, password: sentinelPassword || undefined };
}
