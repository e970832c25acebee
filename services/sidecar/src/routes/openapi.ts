import type { Express } from "express";
import type { Context } from "../context.js";
import { calls } from "../contract/calls.js";
import { openapiDocument } from "../contract/openapi/document.js";
import { sendJson } from "../http/answer.js";
import { serve } from "../http/serve.js";
import { version } from "../version.js";

/** `GET /openapi.json` */
export function openapiRoute(app: Express, context: Context): void {
  const document = openapiDocument(version);
  serve(app, context, calls.openapi, (_context, _received, response) => sendJson(response, 200, document));
}
