import type { Express, Request, Response } from "express";
import type { PageFile } from "../console/page-file.js";
import type { Context } from "../context.js";
import { calls } from "../contract/calls.js";
import { FILE_CACHING, PAGE_CACHING } from "../contract/console-calls.js";
import { HttpProblem } from "../http/problem.js";
import { serve } from "../http/serve.js";

/**
 * The page runs its own scripts and styles and calls its own sidecar; nothing that gets into it as text becomes a
 * script, nobody frames it, and it sends nothing anywhere else.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/** `GET /`, the page, and `GET /console/{file}`, what it loads */
export function consoleRoutes(app: Express, context: Context): void {
  serve(app, context, calls.console, ({ page }, { request }, response) => {
    if (page === undefined)
      throw new HttpProblem("NOT_FOUND", "the console was not built; npm run build builds it");
    response.setHeader("content-security-policy", pagePolicy);
    send(request, response, page.index, PAGE_CACHING);
  });
  serve(app, context, calls.consoleFile, ({ page }, { request, params: { file } }, response) => {
    const found = page?.files.get(file);
    if (found === undefined) throw new HttpProblem("NOT_FOUND", "the console has no such file");
    send(request, response, found, FILE_CACHING);
  });
}

function send(request: Request, response: Response, file: PageFile, caching: string): void {
  const { type, plain, gzipped } = file;
  const wantsLess = gzipped !== undefined && request.acceptsEncodings("gzip", "identity") === "gzip";
  const { bytes, etag } = wantsLess ? gzipped : plain;
  response.setHeader("cache-control", caching);
  response.setHeader("etag", etag);
  response.setHeader("vary", "accept-encoding");
  if (request.fresh) return void response.writeHead(304).end();
  if (wantsLess) response.setHeader("content-encoding", "gzip");
  response.writeHead(200, { "content-type": type, "content-length": bytes.length }).end(bytes);
}
