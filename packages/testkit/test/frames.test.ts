import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameSplitter } from "../src/resp/frames.js";
import { decodeFrame, encodeRequest, leadingWords } from "../src/resp/values.js";

/** One whole frame of every type, with what it says. */
const samples: [wire: string, value: unknown][] = [
  ["+OK\r\n", "OK"],
  [":-12\r\n", -12],
  ["$5\r\nhello\r\n", "hello"],
  ["$0\r\n\r\n", ""],
  ["$-1\r\n", null],
  ["$7\r\n\r\n$3\r\n\r\r\n", "\r\n$3\r\n\r"],
  ["*0\r\n", []],
  ["*-1\r\n", null],
  ["*2\r\n:1\r\n*2\r\n+a\r\n$1\r\nb\r\n", [1, ["a", "b"]]],
  ["_\r\n", null],
  ["#t\r\n", true],
  ["#f\r\n", false],
  [",3.25\r\n", 3.25],
  [",-inf\r\n", Number.NEGATIVE_INFINITY],
  ["(12345678901234567890\r\n", 12345678901234567890n],
  ["=6\r\ntxt:hi\r\n", "hi"],
  ["%1\r\n+key\r\n*1\r\n:2\r\n", [["key", [2]]]],
  ["~2\r\n:1\r\n:2\r\n", [1, 2]],
  [">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n", ["message", "c", "hi"]],
  ["|1\r\n+ttl\r\n:9\r\n+OK\r\n", "OK"],
];
const errors: [wire: string, message: string][] = [
  ["-ERR no\r\n", "ERR no"],
  ["!6\r\nERR no\r\n", "ERR no"],
];

describe("FrameSplitter", () => {
  it("returns the same whole frames however the stream is cut into chunks", () => {
    const frames = [...samples, ...errors].map(([wire]) => wire);
    const plan = fc.tuple(
      fc.array(fc.constantFrom(...frames), { maxLength: 12 }),
      fc.infiniteStream(fc.nat(9)),
    );
    fc.assert(
      fc.property(plan, ([sent, sizes]) => {
        expect(split(Buffer.from(sent.join("")), sizes)).toEqual(sent);
      }),
    );
  });

  it("keeps bytes that are no text as they are", () => {
    const frame = Buffer.concat([
      Buffer.from("$256\r\n"),
      Uint8Array.from({ length: 256 }, (_, byte) => byte),
      Buffer.from("\r\n"),
    ]);
    expect(new FrameSplitter().push(frame)).toEqual([frame]);
  });

  it.each(["hello\r\n", "$1\r\nabc", "$x\r\n", "*\r\n", "\r\n"])("refuses %j, which is not RESP", (wire) => {
    expect(() => new FrameSplitter().push(Buffer.from(wire))).toThrow(/not (a )?RESP/);
  });
});

describe("decodeFrame", () => {
  it.each(samples)("reads %j", (wire, value) => {
    expect(decodeFrame(Buffer.from(wire))).toEqual(value);
  });

  it.each(errors)("returns the error in %j as a value", (wire, message) => {
    expect(decodeFrame(Buffer.from(wire))).toEqual(new Error(message));
  });

  it("reads back what encodeRequest wrote", () => {
    expect(decodeFrame(encodeRequest(["SET", "ключ", 1]))).toEqual(["SET", "ключ", "1"]);
  });
});

describe("leadingWords", () => {
  it("stops at the first element that is no bulk string, and after the count", () => {
    const wire = Buffer.from("*4\r\n$1\r\na\r\n$1\r\nb\r\n:1\r\n$1\r\nc\r\n");
    expect(leadingWords(wire)).toEqual(["a", "b"]);
    expect(leadingWords(wire, 1)).toEqual(["a"]);
    expect(leadingWords(Buffer.from("$1\r\na\r\n"))).toEqual([]);
  });
});

function split(wire: Buffer, sizes: Iterator<number>): string[] {
  const splitter = new FrameSplitter();
  const frames: string[] = [];
  for (let at = 0; at < wire.length; ) {
    const size = 1 + sizes.next().value;
    frames.push(...splitter.push(wire.subarray(at, at + size)).map(String));
    at += size;
  }
  return frames;
}
