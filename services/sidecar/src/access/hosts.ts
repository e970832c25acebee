import { isLoopbackAddress } from "./loopback.js";

/** A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port: what a `Host` may be. */
const hostShape = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]{1,253})(?::\d{1,5})?$/i;

/** The URL of whatever a `Host` header names, or undefined where it names nothing. */
export function urlOfHost(host: string, scheme: "http" | "https"): URL | undefined {
  const url = `${scheme}://${host}`;
  return hostShape.test(host) && URL.canParse(url) ? new URL(url) : undefined;
}

/** The hosts that a sidecar answers to: those of loopback, and those that are listed. */
export class Hosts {
  readonly #all: boolean;
  readonly #exact: ReadonlySet<string>;
  /** With the dot before the domain: `.example.com`. */
  readonly #suffixes: readonly string[];

  /** @param listed names and addresses, `*.example.com` for every name below a domain, `*` for every host */
  constructor(listed: readonly string[]) {
    this.#all = listed.includes("*");
    this.#exact = new Set(listed.filter((host) => !host.startsWith("*")).map(canonical));
    this.#suffixes = listed
      .filter((host) => host.startsWith("*."))
      .map((host) => host.slice(1).toLowerCase());
  }

  /** @param hostname as a URL has it */
  has(hostname: string): boolean {
    const name = canonical(hostname);
    if (this.#all || this.#exact.has(name) || isLoopback(name)) return true;
    return this.#suffixes.some((suffix) => name.length > suffix.length && name.endsWith(suffix));
  }
}

/** Browsers take these names for loopback themselves, without asking anybody: nobody can make them lead elsewhere. */
function isLoopback(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") || isLoopbackAddress(name);
}

/** Without the brackets of an IPv6 address, and without the dot that may end a full name. */
function canonical(hostname: string): string {
  const bare = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  const url = bare.includes(":") ? urlOfHost(`[${bare}]`, "http") : undefined;
  return (url?.hostname.slice(1, -1) ?? bare).replace(/\.$/, "");
}
