import { EventEmitter } from "node:events";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { VanishedHosts } from "../src/leases/vanished-hosts.js";

vi.mock("node:fs/promises", () => ({ readFile: vi.fn() }));

/** A connection from 10.0.0.2:9 to 10.0.0.1:7077 as the kernel writes it, with what it has repeated in vain. */
const table =
  "sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n" +
  " 0: 0100000A:1BA5 0200000A:0009 01 00000040:00000000 01:00000014 00000008\n";

class Connection extends EventEmitter {
  readonly localAddress = "10.0.0.1";
  readonly localPort = 7077;
  readonly remoteAddress = "10.0.0.2";
  readonly remotePort = 9;

  setKeepAlive(): void {}
}

const connect = () => new Connection() as unknown as Socket;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  vi.mocked(readFile).mockResolvedValue(table);
});

afterEach(() => {
  vi.useRealTimers();
});

/** Long enough for a host that has confirmed nothing to be taken for gone. */
const pass = () => vi.advanceTimersByTimeAsync(10_000);

it("tells whoever watches a connection that its host has vanished", async () => {
  const told = vi.fn();
  new VanishedHosts().watch(connect(), told);
  await pass();
  expect(told).toHaveBeenCalled();
  expect(told.mock.calls[0]?.[0]).toBeGreaterThan(8_000);
});

it("tells nobody who has stopped watching, and leaves nothing at the connection", async () => {
  const socket = connect();
  const told = vi.fn();
  new VanishedHosts().watch(socket, told)();
  expect(socket.listenerCount("close")).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
  await pass();
  expect(told).not.toHaveBeenCalled();
});

it("goes on watching a connection for the next one when the one before stops", async () => {
  const socket = connect();
  const hosts = new VanishedHosts();
  const [before, next] = [vi.fn(), vi.fn()];
  const unwatch = hosts.watch(socket, before);
  hosts.watch(socket, next);
  unwatch();
  await pass();
  expect(before).not.toHaveBeenCalled();
  expect(next).toHaveBeenCalled();
  socket.emit("close");
  expect(vi.getTimerCount()).toBe(0);
});
