import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";

/** A form of a file in which it is sent. */
export interface Representation {
  readonly bytes: Buffer;
  /** With its quotes. */
  readonly etag: string;
}

/** A file of the console, ready to be sent. */
export interface PageFile {
  readonly type: string;
  readonly plain: Representation;
  /** Undefined where it would not be smaller. */
  readonly gzipped: Representation | undefined;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".map": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
};

const compress = promisify(gzip);

export async function readPageFile(path: string | URL): Promise<PageFile> {
  const bytes = await readFile(path);
  const smaller = await compress(bytes, { level: constants.Z_BEST_COMPRESSION });
  return {
    type: types[extname(String(path))] ?? "application/octet-stream",
    plain: representationOf(bytes),
    gzipped: smaller.length < bytes.length ? representationOf(smaller) : undefined,
  };
}

function representationOf(bytes: Buffer): Representation {
  const digest = createHash("sha256").update(bytes).digest("base64url");
  return { bytes, etag: `"${digest.slice(0, 22)}"` };
}
