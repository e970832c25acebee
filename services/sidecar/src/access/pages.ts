import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { HttpProblem } from "../http/problem.js";
import { invalid } from "../http/problem-of.js";
import { type Hosts, urlOfHost } from "./hosts.js";

/**
 * Refuses what web pages send. A page in a browser on this very host reaches a sidecar on loopback, and a page whose
 * own name is made to point there (DNS rebinding) reads its answers as well. But a page can set none of these headers:
 * its browser does.
 *
 * @throws HttpProblem INVALID_ARGUMENT without a proper Host; FORBIDDEN for a Host that is none of ours, or a page of
 * another origin
 */
export function refusePages(request: IncomingMessage, hosts: Hosts): void {
  const own = ownUrl(request);
  if (!hosts.has(own.hostname)) {
    throw new HttpProblem(
      "FORBIDDEN",
      `this sidecar does not answer to the host "${own.hostname}"; SLUICE_ALLOWED_HOSTS lists what it answers to`,
    );
  }
  const { origin, "sec-fetch-site": site } = request.headers;
  if (origin !== undefined && origin !== own.origin) throw foreignPage("Origin");
  if ((site === "cross-site" || site === "same-site") && !isVisit(request))
    throw foreignPage("Sec-Fetch-Site");
}

/** RFC 9112, section 3.2: one Host, and a proper one, or no answer but 400. */
function ownUrl({ headersDistinct, socket }: IncomingMessage): URL {
  const [host = "", another] = headersDistinct.host ?? [];
  const scheme = (socket as Partial<TLSSocket>).encrypted ? "https" : "http";
  const url = another === undefined ? urlOfHost(host, scheme) : undefined;
  if (url === undefined) throw invalid("Host", "Host must be one host name or address, with its port");
  return url;
}

/** Somebody follows a link to the console, which then asks for everything else by itself. */
function isVisit({ method, url = "", headers }: IncomingMessage): boolean {
  const isNavigation = headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document";
  return isNavigation && method === "GET" && /^\/(\?|$)/.test(url);
}

function foreignPage(header: string): HttpProblem {
  return new HttpProblem("FORBIDDEN", `pages of other origins may not call this sidecar (${header})`);
}
