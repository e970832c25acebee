import { z } from "zod";
import type { Call } from "./call.js";

/** Asked for each time, and sent where it is another one than the caller has. */
export const PAGE_CACHING = "no-cache";
/** Another content would have another name. */
export const FILE_CACHING = "public, max-age=31536000, immutable";

const pageHeaders = { "Cache-Control": PAGE_CACHING };
const fileHeaders = { "Cache-Control": FILE_CACHING };

/** What a browser loads. It tells nothing of semaphores: the page asks for that by itself, with a token. */
export const consoleCalls = {
  console: {
    method: "GET",
    path: "/",
    summary: "The console",
    description: "A page for people. A page of another origin may link to it.",
    scope: "none",
    answers: {
      200: { description: "The page.", content: { type: "text/html" }, headers: pageHeaders },
      304: { description: "The caller has it.", headers: pageHeaders },
    },
    problems: ["NOT_FOUND"],
  },
  consoleFile: {
    method: "GET",
    path: "/console/{file}",
    summary: "What the console loads",
    scope: "none",
    params: z.object({ file: z.string() }),
    answers: {
      200: { description: "A script, a style or an image.", content: { type: "*/*" }, headers: fileHeaders },
      304: { description: "The caller has it.", headers: fileHeaders },
    },
    problems: ["NOT_FOUND"],
  },
} as const satisfies Record<string, Call>;
