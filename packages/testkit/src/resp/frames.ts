const newline = 0x0a;

/** Types whose header line is followed by that many bytes and a CRLF: bulk string, bulk error, verbatim string. */
const bulkTypes = "$!=";
/** Types that are their header line: string, error, integer, null, boolean, double, big number. */
const lineTypes = "+-:_#,(";
/** How many values follow the header of an aggregate, for each unit of its count. */
const valuesPerUnit: Record<string, number> = { "*": 1, "~": 1, ">": 1, "%": 2, "|": 2 };

/**
 * Cuts a stream of RESP2 or RESP3 bytes into whole frames, wherever the chunks end. A frame is one reply, push or
 * request; an attribute belongs to the frame of the reply that follows it. Works on bytes and decodes nothing, so that what it
 * returns, put together, is what it was given.
 *
 * Leaves out inline commands and streamed aggregates, which neither Redis nor its clients send.
 */
export class FrameSplitter {
  #unread: Buffer = Buffer.alloc(0);
  /** How far the unread bytes have been looked at; everything before belongs to the current frame. */
  #seen = 0;
  /** Values that the current frame still lacks. */
  #lacking = 1;

  /** The frames that `chunk` completes. @throws Error on bytes that are not RESP */
  push(chunk: Buffer): Buffer[] {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    const frames: Buffer[] = [];
    while (this.#readValue()) {
      if (this.#lacking > 0) continue;
      frames.push(this.#unread.subarray(0, this.#seen));
      this.#unread = this.#unread.subarray(this.#seen);
      this.#seen = 0;
      this.#lacking = 1;
    }
    return frames;
  }

  /** Moves past one value, or past an aggregate's header; false when its bytes are not all here. */
  #readValue(): boolean {
    const end = this.#unread.indexOf(newline, this.#seen);
    if (end === -1) return false;
    const header = this.#unread.toString("latin1", this.#seen, end - 1);
    const type = header.charAt(0);
    if (bulkTypes.includes(type) && type !== "") return this.#readBulk(end + 1, sizeIn(header));
    this.#lacking += followingValues(header) - (type === "|" ? 0 : 1);
    this.#seen = end + 1;
    return true;
  }

  #readBulk(start: number, size: number): boolean {
    const end = size < 0 ? start : start + size + 2;
    if (this.#unread.length < end) return false;
    if (this.#unread[end - 1] !== newline) throw new Error(`not RESP: no line end after ${size} bytes`);
    this.#lacking -= 1;
    this.#seen = end;
    return true;
  }
}

function followingValues(header: string): number {
  const type = header.charAt(0);
  const perUnit = valuesPerUnit[type];
  if (perUnit !== undefined) return Math.max(0, sizeIn(header)) * perUnit;
  if (type !== "" && lineTypes.includes(type)) return 0;
  throw new Error(`not RESP: ${JSON.stringify(header.slice(0, 40))}`);
}

function sizeIn(header: string): number {
  const size = Number(header.slice(1));
  if (!Number.isInteger(size) || header.length < 2)
    throw new Error(`not a RESP length: ${JSON.stringify(header)}`);
  return size;
}
