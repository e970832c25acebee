/** What a frame says. Maps become arrays of pairs, in the order of the wire; errors are values, not thrown. */
export type RespValue = string | number | bigint | boolean | null | Error | RespValue[];

/** A request as clients send it: an array of bulk strings. */
export function encodeRequest(words: readonly (string | number)[]): Buffer {
  const bulks = words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${bulks.join("")}`);
}

/** Decodes one whole frame, as `FrameSplitter` returns it. Leaves attributes out. */
export function decodeFrame(frame: Buffer): RespValue {
  return readValue({ frame, at: 0 });
}

/**
 * The strings at the beginning of a frame that is an array or a push: the words of a request, the kind and channel of
 * a push. Stops at the first element that is no bulk string, and after `count`.
 */
export function leadingWords(frame: Buffer, count = Number.POSITIVE_INFINITY): string[] {
  const cursor = { frame, at: 0 };
  const header = readLine(cursor);
  if (!"*>".includes(header.charAt(0))) return [];
  const words: string[] = [];
  const wanted = Math.min(count, Number(header.slice(1)));
  while (words.length < wanted && frame[cursor.at] === 0x24) words.push(String(readValue(cursor)));
  return words;
}

interface Cursor {
  readonly frame: Buffer;
  at: number;
}

function readLine(cursor: Cursor): string {
  const end = cursor.frame.indexOf("\r\n", cursor.at);
  const line = cursor.frame.toString("utf8", cursor.at, end);
  cursor.at = end + 2;
  return line;
}

function readValue(cursor: Cursor): RespValue {
  const line = readLine(cursor);
  const rest = line.slice(1);
  switch (line.charAt(0)) {
    case "+":
      return rest;
    case "-":
      return new Error(rest);
    case ":":
    case ",":
      return readNumber(rest);
    case "(":
      return BigInt(rest);
    case "#":
      return rest === "t";
    case "_":
      return null;
    case "$":
      return readBulk(cursor, Number(rest));
    case "=":
      return readBulk(cursor, Number(rest))?.slice(4) ?? null;
    case "!":
      return new Error(readBulk(cursor, Number(rest)) ?? "");
    case "%":
      return readPairs(cursor, Number(rest));
    case "|":
      readPairs(cursor, Number(rest));
      return readValue(cursor);
    default:
      return readArray(cursor, Number(rest));
  }
}

function readNumber(text: string): number {
  return text.endsWith("inf") ? Number(text.replace("inf", "Infinity")) : Number(text);
}

function readBulk(cursor: Cursor, size: number): string | null {
  if (size < 0) return null;
  const text = cursor.frame.toString("utf8", cursor.at, cursor.at + size);
  cursor.at += size + 2;
  return text;
}

function readArray(cursor: Cursor, size: number): RespValue[] | null {
  if (size < 0) return null;
  return Array.from({ length: size }, () => readValue(cursor));
}

function readPairs(cursor: Cursor, size: number): RespValue[] {
  return Array.from({ length: size }, () => [readValue(cursor), readValue(cursor)]);
}
