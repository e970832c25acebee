import { describe, expect, it } from "vitest";
import { readSettings } from "../src/settings.js";
import { warningsOf } from "../src/warnings.js";

describe("settings", () => {
  it("have defaults, which only this host can reach", () => {
    expect(readSettings({})).toEqual({
      host: "127.0.0.1",
      port: 7_077,
      redisUrl: undefined,
      prefix: "sluice",
      maxLeaseMs: 15_000,
      assumeFresh: false,
      drainMs: 25_000,
      metricsMaxSemaphores: 100,
      logLevel: "info",
    });
  });

  it("come from the environment", () => {
    expect(
      readSettings({
        SLUICE_HOST: "::1",
        SLUICE_PORT: "0",
        REDIS_URL: "rediss://user:pw@redis.example:6380/2",
        SLUICE_PREFIX: "team-a",
        SLUICE_MAX_LEASE_MS: "60000",
        SLUICE_ASSUME_FRESH: "1",
        SLUICE_DRAIN_MS: "0",
        SLUICE_METRICS_MAX_SEMAPHORES: "5",
        SLUICE_LOG_LEVEL: "debug",
      }),
    ).toEqual({
      host: "::1",
      port: 0,
      redisUrl: "rediss://user:pw@redis.example:6380/2",
      prefix: "team-a",
      maxLeaseMs: 60_000,
      assumeFresh: true,
      drainMs: 0,
      metricsMaxSemaphores: 5,
      logLevel: "debug",
    });
  });

  it("take an empty variable for one that is left out", () => {
    expect(readSettings({ SLUICE_PORT: "", REDIS_URL: "", SLUICE_ASSUME_FRESH: "" })).toEqual(
      readSettings({}),
    );
  });

  it.each([
    ["SLUICE_HOST", "http://localhost", "a host name or an IP address"],
    ["SLUICE_PORT", "65536", "an integer from 0 to 65535"],
    ["SLUICE_PORT", "80a", "an integer from 0 to 65535"],
    ["SLUICE_PORT", "-1", "an integer from 0 to 65535"],
    ["SLUICE_PORT", "1e3", "an integer from 0 to 65535"],
    ["SLUICE_PREFIX", "a b", "1 to 64 letters"],
    ["SLUICE_MAX_LEASE_MS", "99", "an integer from 100 to 3600000"],
    ["SLUICE_MAX_LEASE_MS", "15s", "an integer from 100 to 3600000"],
    ["SLUICE_ASSUME_FRESH", "yes", "1 or true, 0 or false"],
    ["SLUICE_DRAIN_MS", "-5", "an integer from 0 to 3600000"],
    ["SLUICE_METRICS_MAX_SEMAPHORES", "10001", "an integer from 0 to 10000"],
    ["SLUICE_LOG_LEVEL", "loud", "one of error, warn, info, debug"],
  ])("refuse %s=%s", (name, value, expected) => {
    expect(() => readSettings({ [name]: value })).toThrow(`${name} must be ${expected}`);
    expect(() => readSettings({ [name]: value })).toThrow(`got "${value}"`);
  });

  it.each(["http://:hunter2@redis", "localhost:6379", "redis://:hunter2@host:port"])(
    "refuse REDIS_URL=%s without repeating what may be a password",
    (value) => {
      expect(() => readSettings({ REDIS_URL: value })).toThrow(
        /^REDIS_URL must be a URL that begins with redis:/,
      );
      expect(() => readSettings({ REDIS_URL: value })).not.toThrow("hunter2");
    },
  );

  it("name everything that is wrong at once", () => {
    expect(() => readSettings({ SLUICE_PORT: "x", SLUICE_DRAIN_MS: "y" })).toThrow(
      /SLUICE_PORT.*\nSLUICE_DRAIN_MS/,
    );
  });
});

describe("warnings", () => {
  it("say what a memory store cannot keep, and who can reach an address that is not loopback", () => {
    const redis = { REDIS_URL: "redis://localhost" };
    const warnings = (environment: Record<string, string>) => warningsOf(readSettings(environment));
    expect(warnings(redis)).toEqual([]);
    expect(warnings({})).toEqual([expect.stringContaining("after a restart more permits than the limit")]);
    for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1"]) {
      expect(warnings({ ...redis, SLUICE_HOST: host }), host).toEqual([]);
    }
    for (const host of ["0.0.0.0", "::", "10.0.0.5", "127.evil.example"]) {
      expect(warnings({ ...redis, SLUICE_HOST: host }), host).toEqual([expect.stringContaining(host)]);
    }
  });
});
