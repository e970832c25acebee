import fc from "fast-check";

/** Bytes for an HTTP port: requests with something wrong with them, or nothing of the kind. */
export function brokenRequests(host: string): fc.Arbitrary<Buffer> {
  const request = requests(host);
  const garbage = fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => Buffer.from(bytes));
  const mutated = fc
    .tuple(request, fc.array(mutation(request), { minLength: 1, maxLength: 3 }))
    .map(([bytes, changes]) => changes.reduce((changed, change) => change(changed), bytes));
  return fc.oneof({ weight: 1, arbitrary: garbage }, { weight: 6, arbitrary: mutated });
}

function requests(host: string): fc.Arbitrary<Buffer> {
  const header = `host: ${host}\r\n`;
  const json = `${header}content-type: application/json\r\n`;
  const acquire = '{"limit":2,"waitMs":20,"leaseMs":100}';
  return fc
    .constantFrom(
      `GET /v1/semaphores HTTP/1.1\r\n${header}\r\n`,
      `GET /v1/semaphores/api?pageSize=5 HTTP/1.1\r\n${header}connection: keep-alive\r\n\r\n`,
      `POST /v1/semaphores/raw/acquire HTTP/1.1\r\n${json}content-length: ${acquire.length}\r\n\r\n${acquire}`,
      `POST /v1/semaphores/raw/hold HTTP/1.1\r\n${json}content-length: ${acquire.length}\r\n\r\n${acquire}`,
      `POST /v1/semaphores/raw/acquire HTTP/1.1\r\n${json}transfer-encoding: chunked\r\n\r\n` +
        `${acquire.length.toString(16)}\r\n${acquire}\r\n0\r\n\r\n`,
      `POST /v1/semaphores/raw/release HTTP/1.1\r\n${json}content-length: 13\r\n\r\n{"lease":"x"}`,
      `POST /v1/semaphores/raw/acquire HTTP/1.1\r\n${json}expect: 100-continue\r\ncontent-length: 12\r\n\r\n{"limit": 1}`,
      `GET /v1/session HTTP/1.1\r\n${header}connection: Upgrade\r\nupgrade: websocket\r\n` +
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
        "sec-websocket-protocol: sluice.v1\r\n\r\n",
      `OPTIONS * HTTP/1.1\r\n${header}\r\n`,
      `CONNECT ${host} HTTP/1.1\r\n${header}\r\n`,
      `GET http://${host}/livez HTTP/1.0\r\n\r\n`,
    )
    .map((text) => Buffer.from(text, "latin1"));
}

type Change = (bytes: Buffer) => Buffer;

/** What can be wrong with a request. */
function mutation(others: fc.Arbitrary<Buffer>): fc.Arbitrary<Change> {
  const place = fc.nat();
  const flood = (count: number, line: string) => line.repeat(count);
  const line = fc.constantFrom(
    flood(2_500, "a: b\r\n"),
    `a: ${"b".repeat(20_000)}\r\n`,
    "content-length: 99999999999999999999\r\n",
    "content-length: -1\r\n",
    "content-length: 5\r\n",
    "content-length: 1000000\r\n",
    "transfer-encoding: chunked\r\n",
    "transfer-encoding: gzip, chunked\r\n",
    "host: evil.example\r\n",
    "host: \r\n",
    "origin: null\r\n",
    "authorization: Bearer \u00ff\r\n",
    "content-encoding: gzip\r\n",
    "content-type: application/json; charset=utf-7\r\n",
    "connection: upgrade\r\nupgrade: h2c\r\n",
    "sec-websocket-key: short\r\n",
    "sec-websocket-protocol: sluice.v1, sluice.v1\r\n",
    "sec-websocket-extensions: permessage-deflate; client_max_window_bits=99\r\n",
    " folded: yes\r\n",
    "no colon\r\n",
    "idempotency-key: a b\r\n",
  );
  return fc.oneof(
    fc.tuple(place, fc.nat(255)).map(
      ([at, byte]): Change =>
        (bytes) => {
          const copy = Buffer.from(bytes);
          copy[at % copy.length] = byte;
          return copy;
        },
    ),
    place.map(
      (at): Change =>
        (bytes) =>
          bytes.subarray(0, 1 + (at % bytes.length)),
    ),
    fc.tuple(place, fc.uint8Array({ maxLength: 40 })).map(
      ([at, more]): Change =>
        (bytes) =>
          insert(bytes, at % bytes.length, Buffer.from(more)),
    ),
    line.map(
      (text): Change =>
        (bytes) =>
          insert(bytes, bytes.indexOf("\r\n") + 2, Buffer.from(text, "latin1")),
    ),
    others.map(
      (other): Change =>
        (bytes) =>
          Buffer.concat([bytes, other]),
    ),
    fc.uint8Array({ minLength: 1, maxLength: 200 }).map(
      (more): Change =>
        (bytes) =>
          Buffer.concat([bytes, more]),
    ),
    fc.constant<Change>((bytes) => Buffer.from(bytes.toString("latin1").replaceAll("\r\n", "\n"), "latin1")),
  );
}

function insert(bytes: Buffer, at: number, more: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
}

interface Frame {
  readonly fin: boolean;
  readonly reserved: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Uint8Array;
  /** What the header says of the length, where that is not the truth. */
  readonly claims: bigint | undefined;
}

/** WebSocket frames in a row, few of which are right. @param payloads of those that carry something */
export function frames(payloads: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Buffer> {
  const often = <Value>(usual: Value, other: fc.Arbitrary<Value>) =>
    fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
  const frame: fc.Arbitrary<Frame> = fc.record({
    fin: often(true, fc.constant(false)),
    reserved: often(0, fc.nat(7)),
    opcode: fc.oneof(fc.constantFrom(1, 1, 0, 2, 8, 9, 10), fc.nat(15)),
    masked: often(true, fc.constant(false)),
    payload: payloads,
    claims: often<bigint | undefined>(
      undefined,
      fc.constantFrom(0n, 3n, 126n, 65_536n, 300_000n, 2n ** 40n, 2n ** 63n, 2n ** 64n - 1n),
    ),
  });
  return fc.array(frame, { minLength: 1, maxLength: 6 }).map((made) => Buffer.concat(made.map(encoded)));
}

/** Bytes that are no message: of any kind, or of a size that is too large for one. */
export const noMessages: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 20, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  { weight: 20, arbitrary: fc.string({ unit: "binary" }).map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.constantFrom(Buffer.alloc(300_000, "x"), Buffer.from([0xc3, 0x28])) },
);

function encoded({ fin, reserved, opcode, masked, payload, claims }: Frame): Buffer {
  const length = claims ?? BigInt(payload.length);
  const short = length < 126n ? Number(length) : length < 65_536n ? 126 : 127;
  const head = Buffer.alloc(2 + (short === 126 ? 2 : short === 127 ? 8 : 0));
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | short;
  if (short === 126) head.writeUInt16BE(Number(length), 2);
  if (short === 127) head.writeBigUInt64BE(length, 2);
  const key = masked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0);
  const body = masked ? payload.map((byte, index) => byte ^ ((index % 4) + 1)) : payload;
  return Buffer.concat([head, key, body]);
}
