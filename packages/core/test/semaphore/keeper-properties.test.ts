import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StoreUnavailableError } from "../../src/errors.js";
import type { Lease } from "../../src/lease/lease.js";
import { Semaphore } from "../../src/semaphore.js";
import type { AcquireRequest, AcquireResult, Renewal, RenewResult } from "../../src/store.js";
import { grantOf, StubStore } from "./stub-store.js";

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/**
 * How the server is reached: answers; refuses; carries out and loses the reply; or takes calls and carries them out
 * when it is reached otherwise again.
 */
type Mode = "up" | "away" | "reply lost" | "hanging";

/** A holder believes a little shorter than the server keeps the lease. */
const driftMs = 3;

/** A server with a clock that ends leases, and that notes what no keeper may do. */
class Server extends StubStore {
  readonly expiresAt = new Map<string, number>();
  readonly released = new Set<string>();
  readonly breaches: string[] = [];
  readonly #leaseMs = new Map<string, number>();
  readonly #underWay = new Set<string>();
  #mode: Mode = "up";
  #held: (() => void)[] = [];

  set mode(mode: Mode) {
    this.#mode = mode;
    if (mode === "hanging") return;
    for (const carryOn of this.#held.splice(0)) carryOn();
  }

  override onAcquire = async (request: AcquireRequest): Promise<AcquireResult> => {
    const grant = grantOf(request);
    this.#leaseMs.set(request.lease, grant.leaseMs);
    this.expiresAt.set(request.lease, performance.now() + grant.leaseMs);
    return { ...grant, validUntil: grant.validUntil - driftMs };
  };

  override onRenew = async (renewals: readonly Renewal[]): Promise<RenewResult[]> => {
    for (const { lease } of renewals) this.#begin(lease);
    if (this.#mode === "hanging") await new Promise<void>((resolve) => this.#held.push(resolve));
    try {
      if (this.#mode === "away") throw new StoreUnavailableError("away");
      const results = renewals.map(({ lease }) => this.#renew(lease));
      if (this.#mode === "reply lost") throw new StoreUnavailableError("reply lost");
      return results;
    } finally {
      for (const { lease } of renewals) this.#underWay.delete(lease);
    }
  };

  #begin(lease: string): void {
    if (this.released.has(lease)) this.breaches.push(`${lease} was renewed after its release`);
    if (this.#underWay.has(lease)) this.breaches.push(`${lease} was renewed twice at once`);
    this.#underWay.add(lease);
  }

  #renew(lease: string): RenewResult {
    const now = performance.now();
    if ((this.expiresAt.get(lease) ?? 0) <= now) return { lease, renewed: false, reason: "lapsed" };
    const expiresAt = now + (this.#leaseMs.get(lease) ?? 0);
    this.expiresAt.set(lease, expiresAt);
    return { lease, renewed: true, validUntil: expiresAt - driftMs };
  }
}

interface Held {
  readonly lease: Lease;
  readonly leaseMs: number;
  /** Whether the server has answered all the time since the grant. */
  undisturbed: boolean;
  lost: boolean;
}

class World {
  readonly server = new Server();
  readonly semaphore = new Semaphore(this.server, "openai", { limit: 1_000 });
  held: Held[] = [];

  async acquire(leaseMs: number, watched: boolean): Promise<void> {
    const lease = await this.semaphore.acquire({ leaseMs });
    if (watched) void lease.signal;
    this.held.push({ lease, leaseMs, undisturbed: this.#up, lost: false });
  }

  release(index: number): void {
    const [held] = this.held.splice(index % Math.max(this.held.length, 1), 1);
    if (held === undefined) return;
    this.server.released.add(held.lease.id);
    void held.lease.release();
  }

  reach(mode: Mode): void {
    this.#up = mode === "up";
    if (!this.#up) for (const held of this.held) held.undisturbed = false;
    this.server.mode = mode;
  }

  async pass(durationMs: number): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += 20) {
      await vi.advanceTimersByTimeAsync(20);
      this.check();
    }
  }

  check(): void {
    expect(this.server.breaches).toEqual([]);
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1);
    for (const held of this.held) this.#checkLease(held);
  }

  #checkLease(held: Held): void {
    const { lease, leaseMs } = held;
    const { remainingMs } = lease;
    const keptForMs = (this.server.expiresAt.get(lease.id) ?? 0) - performance.now();
    if (held.lost) expect(remainingMs, "a lost lease stays lost").toBeLessThanOrEqual(0);
    held.lost ||= remainingMs <= 0;
    if (remainingMs > 0) expect(keptForMs, "believed while the server keeps it").toBeGreaterThan(0);
    if (held.undisturbed)
      expect(remainingMs, "renewed in time").toBeGreaterThan((leaseMs * 2) / 3 - driftMs - 25);
  }

  #up = true;
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("acquire" as const),
      leaseMs: fc.constantFrom(100, 300, 1_000, 10_000),
      watched: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), index: fc.nat(50) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("reach" as const),
      mode: fc.constantFrom<Mode>("up", "up", "away", "reply lost", "hanging"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      durationMs: fc.oneof(fc.nat(200), fc.nat(4_000)),
    }),
  },
);

test("whatever comes, no lease is believed past its end, and every lease that can be is renewed in time", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      vi.clearAllTimers();
      const world = new World();
      for (const taken of steps) {
        if (taken.do === "acquire") await world.acquire(taken.leaseMs, taken.watched);
        else if (taken.do === "release") world.release(taken.index);
        else if (taken.do === "reach") world.reach(taken.mode);
        else await world.pass(taken.durationMs);
        world.check();
      }
      for (const { lease } of world.held) {
        expect(lease.signal.aborted, "the signal says what remainingMs says").toBe(lease.remainingMs <= 0);
        void lease.release();
      }
      world.reach("up");
      await vi.advanceTimersByTimeAsync(20_000);
      expect(vi.getTimerCount(), "nothing is left behind").toBe(0);
    }),
    { numRuns: 100 },
  );
}, 120_000);
