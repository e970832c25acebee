import { isIP } from "node:net";
import { isLoopbackAddress } from "../access/loopback.js";

/** What may be listed as a host: a name, an address, every name of a domain as `*.example.com`, or `*`. */
export const hostPattern = /^(?:\*|(?:\*\.)?[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[?[0-9a-f.]*:[0-9a-f:.]*\]?)$/;

/** Whether only this host can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || isLoopbackAddress(host);
}

/** Whether it stands for all addresses that this host has. */
export function isEveryAddress(host: string): boolean {
  return host === "0.0.0.0" || (isIP(host) === 6 && /^[0:]+$/.test(host));
}
