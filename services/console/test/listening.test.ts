import { expect, it } from "vitest";
import { listenTo } from "../src/events/listening.js";
import type { FleetEvent } from "../src/fleet/fleet.js";

function streamOf(...pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

async function toldBy(stream: ReadableStream<Uint8Array>): Promise<FleetEvent[]> {
  const told: FleetEvent[] = [];
  await listenTo(stream, { heard() {}, told: (event) => told.push(event) });
  return told;
}

const bytes = (text: string) => new TextEncoder().encode(text);

it("events come out of bytes that are cut within a character", async () => {
  const whole = bytes('event: store\ndata: {"up":false,"detail":"Verbindung getrennt – später"}\n\n');
  const event = { name: "store", data: { up: false, detail: "Verbindung getrennt – später" } };
  for (let cut = 0; cut <= whole.length; cut += 1) {
    expect(await toldBy(streamOf(whole.slice(0, cut), whole.slice(cut)))).toEqual([event]);
  }
});

it("data that is no JSON is left out, and the event after it is told", async () => {
  const told = await toldBy(streamOf(bytes("event: store\ndata: {oops\n\nevent: draining\ndata: {}\n\n")));
  expect(told).toEqual([{ name: "draining", data: {} }]);
});

it("a comment is a sign of life", async () => {
  let heard = 0;
  await listenTo(streamOf(bytes(": still here\n\n"), bytes(": still here\n\n")), {
    heard: () => {
      heard += 1;
    },
    told: () => expect.fail("nothing was told"),
  });
  expect(heard).toBe(2);
});

it("a stream that stays silent for too long is given up and cancelled", async () => {
  let isCancelled = false;
  const silent = new ReadableStream<Uint8Array>({
    cancel() {
      isCancelled = true;
    },
  });
  await expect(listenTo(silent, { heard() {}, told() {} }, 5)).rejects.toThrow("nothing came for too long");
  expect(isCancelled).toBe(true);
});
