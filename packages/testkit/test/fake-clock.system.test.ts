import { describe, expect, it } from "vitest";
import { FakeClock, whyNoFakeClocks } from "../src/clock/fake-clock.js";
import { startRedis } from "../src/redis/server.js";

const reason = whyNoFakeClocks();
const title = `a Redis with a clock of its own${reason === undefined ? "" : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, () => {
  it("jumps forward and back with it, at once, in commands and in scripts", async () => {
    using clock = new FakeClock();
    await using redis = await startRedis({ env: clock.env });
    const ahead = async (...command: string[]) => {
      const [seconds] = (await redis.command(...command)) as string[];
      return Number(seconds) - Date.now() / 1_000;
    };
    const inScript = ["EVAL", "return redis.call('TIME')", "0"];
    for (const [jumpMs, offset] of [
      [0, 0],
      [90_500, 90],
      [-200_000, -109],
      [109_500, 0],
    ] as const) {
      clock.jump(jumpMs);
      expect(Math.abs((await ahead("TIME")) - offset)).toBeLessThan(3);
      expect(Math.abs((await ahead(...inScript)) - offset)).toBeLessThan(3);
    }
  });

  it("ends what is to expire by that clock", async () => {
    using clock = new FakeClock();
    await using redis = await startRedis({ env: clock.env });
    await redis.command("SET", "key", "value", "PX", 600_000);
    clock.jump(500_000);
    expect(await redis.command("GET", "key")).toBe("value");
    clock.jump(100_001);
    expect(await redis.command("GET", "key")).toBeNull();
  });
});
