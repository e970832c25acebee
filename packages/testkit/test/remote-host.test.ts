import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type RemoteHost, startRemoteHost, whyNoRemoteHosts } from "../src/network/remote-host.js";
import type { NodeProcess } from "../src/processes/node.js";
import { until } from "../src/until.js";

const program = new URL("./children/calls-home.mjs", import.meta.url);
const reason = whyNoRemoteHosts();

describe.skipIf(reason !== undefined)(
  `a remote host${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    let server: Server;
    let host: RemoteHost;
    let caller: NodeProcess;
    let socket: Socket;

    beforeAll(async () => {
      server = createServer();
      server.listen(0, "0.0.0.0");
      await once(server, "listening");
    });
    afterAll(() => server.close());

    beforeEach(async () => {
      host = await startRemoteHost();
      const accepted = once(server, "connection");
      caller = host.spawnNode(program, [host.ourAddress, String((server.address() as AddressInfo).port)]);
      [socket] = await accepted;
      socket.on("error", () => {});
      await caller.next();
    });
    afterEach(async () => {
      socket.destroy();
      await caller.kill();
      await host.stop();
    });

    it("has an address of its own, from which it calls", async () => {
      expect(socket.remoteAddress).toContain(host.address);
      socket.write("hello");
      expect(await caller.next()).toEqual({ heard: "hello" });
    });

    it("vanishes without a word, and hears what was said meanwhile when it comes back", async () => {
      host.vanish();
      socket.write("too late?");
      await caller.kill();
      let ended = false;
      socket.once("close", () => {
        ended = true;
      });
      // The process has ended, and its kernel has sent that; nothing of it gets here.
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(ended).toBe(false);
      host.comeBack();
      await until(() => ended, { what: "the end of the connection", timeoutMs: 10_000 });
    });

    it("gets what was sent while it was away", async () => {
      host.vanish();
      socket.write("still there?");
      host.comeBack();
      expect(await caller.next()).toEqual({ heard: "still there?" });
    });

    it("does not see another one", async () => {
      const other = await startRemoteHost();
      onTestFinished(() => other.stop());
      expect(other.address).not.toBe(host.address);
      const stranger = other.spawnNode(program, [host.address, "9"]);
      expect(await stranger.next()).toEqual({ code: "ENETUNREACH" });
      await stranger.kill();
    });
  },
);
