import type { FleetEvent } from "../fleet/fleet.js";
import { EventStreamParser } from "./sse.js";

/** The sidecar says something every 15 s; after this time without a byte, in milliseconds, its connection is given up. */
const SILENCE_MS = 35_000;

export interface Ears {
  /** Something came, if only a sign of life. */
  heard(): void;
  told(event: FleetEvent): void;
}

/** Reads an event stream to its end. @throws when it breaks off, or stays silent for too long */
export async function listenTo(
  stream: ReadableStream<Uint8Array>,
  ears: Ears,
  silenceMs = SILENCE_MS,
): Promise<void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const parser = new EventStreamParser();
  try {
    for (;;) {
      const { done, value } = await beforeSilence(reader.read(), silenceMs);
      if (done) return;
      ears.heard();
      for (const { name, data } of parser.push(decoder.decode(value, { stream: true }))) {
        const parsed = parse(data);
        if (parsed !== undefined) ears.told({ name, data: parsed });
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function beforeSilence<Value>(read: Promise<Value>, silenceMs: number): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("nothing came for too long")), silenceMs);
  });
  try {
    return await Promise.race([read, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Undefined for what is no JSON: the next event may well be. */
function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
