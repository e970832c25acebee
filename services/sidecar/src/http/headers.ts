import type { TLSSocket } from "node:tls";
import type { RequestHandler } from "express";
import helmet, { strictTransportSecurity } from "helmet";
import { isLoopbackAddress } from "../access/loopback.js";

const YEAR_S = 31_536_000;

const keepToTls = strictTransportSecurity({ maxAge: YEAR_S, includeSubDomains: false });

/** Where TLS is on. On loopback the name would be that of every other server of the developer, at any port. */
const strictTransport: RequestHandler = (request, response, next) => {
  const { encrypted, remoteAddress } = request.socket as TLSSocket;
  if (encrypted && !isLoopbackAddress(remoteAddress)) keepToTls(request, response, next);
  else next();
};

/**
 * What browsers are told with every answer: this is no page, it loads nothing, and nobody may frame it, read it from
 * elsewhere, or take it for another type than it says.
 */
export const safeHeaders: readonly RequestHandler[] = [
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: false,
    xFrameOptions: { action: "deny" },
  }),
  strictTransport,
];

/** Every answer is about this moment. */
export const neverStored: RequestHandler = (_request, response, next) => {
  response.setHeader("cache-control", "no-store");
  next();
};
