import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { newLeaseId } from "../../src/ids.js";
import type { AcquireRequest, AcquireResult } from "../../src/store.js";
import { Lane } from "../../src/stores/redis/lane.js";
import type { Link } from "../../src/stores/redis/link.js";
import { knowledge } from "../../src/stores/redis/wire.js";

const serverNow = 1_700_000_000_000;

/** The reply to a batch that creates the semaphore and asks for one lease. */
const reply = (answer: string, leaseMs: number) => `[${serverNow},0,1,${leaseMs},10,0,1,0,0,[0,${answer}],0]`;

abstract class TestLink implements Link {
  readonly process = "process";
  readonly up = true;
  readonly away = false;
  readonly cause = undefined;
  readonly refusal = undefined;
  readonly incarnation = "life";
  readonly assumesFresh = false;
  readonly knownForMs = 0;
  resets = 0;

  abstract apply(): Promise<string>;

  observed(): void {}

  reset(): void {
    this.resets += 1;
  }
}

function laneOver(connection: Link, maxLeaseMs: number): Lane {
  return new Lane({
    connection,
    prefix: "test",
    semaphore: "api",
    maxLeaseMs,
    holder: "test",
    nextBatch: () => 1,
    knowledge: () => knowledge.none,
    remembered: undefined,
    seen: () => {},
    recovers: () => {},
  });
}

function request(waitMs: number, leaseMs: number): AcquireRequest {
  return {
    semaphore: "api",
    lease: newLeaseId(),
    attempt: "",
    fingerprint: "",
    permits: 1,
    priority: 0,
    waitMs,
    leaseMs: undefined,
    holder: "test",
    create: { limit: 1, leaseMs, maxWaiters: 10 },
  };
}

/** A server that queues the first acquire it is asked for. */
class QueueingLink extends TestLink {
  async apply(): Promise<string> {
    return reply("[0,1]", 1_000);
  }
}

test("a grant that is pushed after the server's clock has jumped forward is believed for its time at most", async () => {
  const leaseMs = 1_000;
  const lane = laneOver(new QueueingLink(), leaseMs);
  const asked = request(1_000, leaseMs);
  const acquiring = lane.acquire(asked, undefined);
  await turn();
  lane.pushed({
    semaphore: "api",
    incarnation: "life",
    now: serverNow + 20_000,
    fenceBase: serverNow * 1_000,
    leaseMs,
    limit: 1,
    notices: { grants: [[asked.lease, 1]], misfits: [], revoked: [], removed: false },
  });
  const granted = await acquiring;
  if (granted.outcome !== "granted") throw new Error(`not granted, but ${granted.outcome}`);
  expect(granted.validUntil).toBeLessThanOrEqual(performance.now() + leaseMs);
  lane.end(new Error("the test is over"));
});

describe("an answer that arrives while the loop is blocked", () => {
  const leaseMs = 15_000;

  /** What the server says is in the kernel at once, and is read when the loop comes to it. */
  class SocketLink extends TestLink {
    calls = 0;
    readonly #socket: Socket;

    constructor(socket: Socket) {
      super();
      this.#socket = socket;
    }

    async apply(): Promise<string> {
      this.calls += 1;
      return String(await once(this.#socket, "data"));
    }
  }

  let link: SocketLink;
  let lane: Lane;
  let peer: Socket;
  let close: () => void;

  beforeEach(async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect((server.address() as { port: number }).port, "127.0.0.1");
    [[peer]] = (await Promise.all([once(server, "connection"), once(socket, "connect")])) as [[Socket], []];
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    link = new SocketLink(socket);
    lane = laneOver(link, leaseMs);
    close = () => {
      lane.end(new Error("the test is over"));
      vi.useRealTimers();
      socket.destroy();
      peer.destroy();
      server.close();
    };
  });
  afterEach(() => close());

  /** All timers of that time come due before anything is read. */
  async function answeredWhileBlocked(
    acquiring: Promise<AcquireResult>,
    blockedMs: number,
  ): Promise<AcquireResult> {
    await turn();
    expect(link.calls).toBe(1);
    peer.write(reply("1", leaseMs));
    vi.advanceTimersByTime(blockedMs);
    return acquiring;
  }

  test("is heeded, although the wait is over by then", async () => {
    const acquiring = lane.acquire(request(50, leaseMs), undefined);
    expect(await answeredWhileBlocked(acquiring, 1_000)).toMatchObject({ outcome: "granted" });
  });

  test("does not cost the connection, however long that takes", async () => {
    const acquiring = lane.acquire(request(Number.POSITIVE_INFINITY, leaseMs), undefined);
    expect(await answeredWhileBlocked(acquiring, 6_000)).toMatchObject({ outcome: "granted" });
    await turn();
    expect(link).toMatchObject({ resets: 0, calls: 1 });
  });

  test("is not waited for without end", async () => {
    const acquiring = lane.acquire(request(20_000, leaseMs), undefined);
    await turn();
    vi.advanceTimersByTime(6_000);
    await turn();
    expect(link).toMatchObject({ resets: 1 });
    const refused = expect(acquiring).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    vi.advanceTimersByTime(15_000);
    await refused;
  });
});
