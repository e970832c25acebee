import { closeSync, openSync, readSync } from "node:fs";
import { assembleHistory } from "./assemble.js";
import type { HistoryEvent } from "./events.js";
import type { Fate, History } from "./history.js";

const chunkBytes = 1 << 20;
const newline = 0x0a;

/**
 * What the processes that wrote these logs did.
 *
 * @param fates of the processes to which something was done; those of others are in their logs
 * @throws Error where a log is none, or the logs are not of one semaphore
 */
export function readHistory(paths: readonly string[], fates: readonly Fate[] = []): History {
  return assembleHistory(paths.map(eventsIn), fates);
}

/** The events in a log. A last line that a kill has torn is left out. */
export function* eventsIn(path: string): Generator<HistoryEvent> {
  let rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  for (const chunk of chunksOf(path)) {
    const text = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const end = text.lastIndexOf(newline);
    rest = Buffer.from(text.subarray(end + 1));
    for (const line of text.toString("utf8", 0, Math.max(end, 0)).split("\n")) {
      if (line !== "") yield JSON.parse(line) as HistoryEvent;
    }
  }
}

function* chunksOf(path: string): Generator<Buffer> {
  const file = openSync(path, "r");
  const buffer = Buffer.allocUnsafe(chunkBytes);
  try {
    for (;;) {
      const length = readSync(file, buffer, 0, chunkBytes, null);
      if (length === 0) return;
      yield buffer.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}
