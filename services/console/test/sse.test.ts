import { describe, expect, it } from "vitest";
import { EventStreamParser, type StreamEvent } from "../src/events/sse.js";

/** What a parser makes of pieces that come one after the other. */
function read(...pieces: string[]): StreamEvent[] {
  const parser = new EventStreamParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

const stream =
  'event: store\ndata: {"up":false}\n\n: still here\n\nevent: removed\ndata: {"names":["a"]}\n\n';
const events = [
  { name: "store", data: '{"up":false}' },
  { name: "removed", data: '{"names":["a"]}' },
];

describe("the parser of event streams", () => {
  it("reads events with their names, and leaves comments out", () => {
    expect(read(stream)).toEqual(events);
  });

  it("reads the same wherever the stream is cut", () => {
    for (let cut = 0; cut <= stream.length; cut += 1) {
      expect(read(stream.slice(0, cut), stream.slice(cut))).toEqual(events);
    }
    expect(read(...stream)).toEqual(events);
  });

  it.each([
    ["line feeds", "\n"],
    ["carriage returns", "\r"],
    ["both", "\r\n"],
  ])("takes %s for the ends of lines, wherever the stream is cut", (_, end) => {
    const text = stream.replaceAll("\n", end);
    for (let cut = 0; cut <= text.length; cut += 1) {
      expect(read(text.slice(0, cut), text.slice(cut))).toEqual(events);
    }
  });

  it("tells an event no earlier than its empty line", () => {
    const parser = new EventStreamParser();
    expect(parser.push("event: store\ndata: 1\n")).toEqual([]);
    expect(parser.push("\n")).toEqual([{ name: "store", data: "1" }]);
  });

  it("joins several lines of data", () => {
    expect(read("data: one\ndata: two\n\n")).toEqual([{ name: "message", data: "one\ntwo" }]);
  });

  it("takes away one space after the colon, and no more", () => {
    expect(read("data:  two\n\ndata:none\n\n").map(({ data }) => data)).toEqual([" two", "none"]);
  });

  it("tells nothing of an event without data, and forgets its name", () => {
    expect(read("event: store\n\ndata: 1\n\n")).toEqual([{ name: "message", data: "1" }]);
  });

  it("leaves out the mark at the very beginning", () => {
    expect(read("\uFEFFdata: 1\n\n")).toEqual([{ name: "message", data: "1" }]);
  });

  it("ignores fields that it does not know", () => {
    expect(read("id: 7\nretry: 10\nwhatever\ndata: 1\n\n")).toEqual([{ name: "message", data: "1" }]);
  });
});
