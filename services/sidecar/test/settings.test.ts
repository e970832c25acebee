import { describe, expect, it } from "vitest";
import { type Environment, readSettings } from "../src/settings.js";
import { warningsOf } from "../src/warnings.js";

const token = "0123456789abcdef";

describe("settings", () => {
  it("have defaults, which only this host can reach", () => {
    expect(readSettings({})).toEqual({
      host: "127.0.0.1",
      port: 7_077,
      redisUrl: undefined,
      quorumUrls: undefined,
      prefix: "sluice",
      maxLeaseMs: 15_000,
      assumeFresh: false,
      stateDir: undefined,
      configFile: undefined,
      token: undefined,
      tokensFile: undefined,
      allowInsecureBind: false,
      allowedHosts: [],
      tls: undefined,
      drainMs: 25_000,
      limits: { waitersPerClient: 10_000, sessionsPerClient: 1_000, semaphoresInPassing: 10_000 },
      metricsMaxSemaphores: 100,
      logLevel: "info",
    });
  });

  it("come from the environment", () => {
    expect(
      readSettings({
        SLUICE_HOST: "Sluice.internal",
        SLUICE_PORT: "0",
        REDIS_URL: "rediss://user:pw@redis.example:6380/2",
        SLUICE_PREFIX: "team-a",
        SLUICE_MAX_LEASE_MS: "60000",
        SLUICE_ASSUME_FRESH: "1",
        SLUICE_STATE_DIR: "/var/lib/sluice",
        SLUICE_CONFIG: "/etc/sluice/semaphores.yaml",
        SLUICE_TOKEN: "0123456789abcdef",
        SLUICE_ALLOW_INSECURE_BIND: "true",
        SLUICE_ALLOWED_HOSTS: "sidecar, Sluice.example.com,*.example.org,10.0.0.7,fd00::7,[fd00::8]",
        SLUICE_TLS_CERT_FILE: "cert.pem",
        SLUICE_TLS_KEY_FILE: "key.pem",
        SLUICE_MAX_WAITERS_PER_CLIENT: "7",
        SLUICE_MAX_SESSIONS_PER_CLIENT: "8",
        SLUICE_MAX_SEMAPHORES: "0",
        SLUICE_DRAIN_MS: "0",
        SLUICE_METRICS_MAX_SEMAPHORES: "5",
        SLUICE_LOG_LEVEL: "debug",
      }),
    ).toEqual({
      host: "Sluice.internal",
      port: 0,
      redisUrl: "rediss://user:pw@redis.example:6380/2",
      quorumUrls: undefined,
      prefix: "team-a",
      maxLeaseMs: 60_000,
      assumeFresh: true,
      stateDir: "/var/lib/sluice",
      configFile: "/etc/sluice/semaphores.yaml",
      token: "0123456789abcdef",
      tokensFile: undefined,
      allowInsecureBind: true,
      allowedHosts: [
        "sidecar",
        "sluice.example.com",
        "*.example.org",
        "10.0.0.7",
        "fd00::7",
        "[fd00::8]",
        "sluice.internal",
      ],
      tls: { certFile: "cert.pem", keyFile: "key.pem" },
      drainMs: 0,
      limits: { waitersPerClient: 7, sessionsPerClient: 8, semaphoresInPassing: 0 },
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
    ["SLUICE_ALLOW_INSECURE_BIND", "maybe", "1 or true, 0 or false"],
    ["SLUICE_ALLOWED_HOSTS", "a,,b", "names or addresses of hosts, without ports, with commas between them"],
    ["SLUICE_ALLOWED_HOSTS", "sidecar:7077", "names or addresses of hosts, without ports"],
    ["SLUICE_ALLOWED_HOSTS", "http://sidecar", "names or addresses of hosts, without ports"],
    ["SLUICE_MAX_WAITERS_PER_CLIENT", "0", "an integer from 1 to 1000000"],
    ["SLUICE_MAX_SESSIONS_PER_CLIENT", "0", "an integer from 1 to 1000000"],
    ["SLUICE_MAX_SEMAPHORES", "-1", "an integer from 0 to 1000000"],
    ["SLUICE_LOG_LEVEL", "loud", "one of error, warn, info, debug"],
  ])("refuse %s=%s", (name, value, expected) => {
    expect(() => readSettings({ [name]: value })).toThrow(`${name} must be ${expected}`);
    expect(() => readSettings({ [name]: value })).toThrow(`got "${value}"`);
  });

  it.each([
    "rediss://user:pw@redis.example:6380/2",
    "redis+cluster://one,two:7000,[::1]:7001",
    "rediss+cluster://user:p%40w@one",
    "redis+sentinel://one,two:26380/main",
    "rediss+sentinel://:pw@one,two/main/3?sentinelUsername=watch&sentinelPassword=pw2",
  ])("take REDIS_URL=%s", (value) => {
    expect(readSettings({ REDIS_URL: value }).redisUrl).toBe(value);
  });

  it.each([
    "http://:hunter2@redis",
    "localhost:6379",
    "redis://:hunter2@host:port",
    "redis+cluster://:hunter2@one,two/main",
    "redis+cluster://:hunter2@one,,two",
    "redis+sentinel://:hunter2@one,two",
    "redis+sentinel://:hunter2@one/main?password=hunter2",
    "redis+sentinel://:hunter2%@one/main",
    "redis+ring://:hunter2@one",
  ])("refuse REDIS_URL=%s without repeating what may be a password", (value) => {
    expect(() => readSettings({ REDIS_URL: value })).toThrow(
      /^REDIS_URL must be a URL that begins with redis:/,
    );
    expect(() => readSettings({ REDIS_URL: value })).not.toThrow("hunter2");
  });

  it("name everything that is wrong at once", () => {
    expect(() => readSettings({ SLUICE_PORT: "x", SLUICE_DRAIN_MS: "y" })).toThrow(
      /SLUICE_PORT.*\nSLUICE_DRAIN_MS/,
    );
  });

  it.each([
    ["that could be guessed", "hunter2hunter2x"],
    ["with a space", "hunter2 hunter2 hunter2"],
    ["with letters that no header has", "hünter2hünter2hünter2"],
  ])("refuse a token %s, and do not repeat it", (_what, token) => {
    const reading = () => readSettings({ SLUICE_TOKEN: token });
    expect(reading).toThrow("SLUICE_TOKEN must be 16 to 512 printable ASCII characters, no spaces");
    expect(reading).not.toThrow(token);
  });

  it("refuse one place for tokens too many, and half of a certificate", () => {
    expect(() => readSettings({ SLUICE_TOKEN: token, SLUICE_TOKENS_FILE: "f" })).toThrow("not be given both");
    for (const name of ["SLUICE_TLS_CERT_FILE", "SLUICE_TLS_KEY_FILE"])
      expect(() => readSettings({ [name]: "f" }), name).toThrow("must be given together");
  });

  it("take a quorum of masters", () => {
    const environment = { SLUICE_QUORUM_URLS: "redis://a, redis://:pw@b:6380,rediss://c/2" };
    const { quorumUrls, redisUrl } = readSettings(environment);
    expect(quorumUrls).toEqual(["redis://a", "redis://:pw@b:6380", "rediss://c/2"]);
    expect(redisUrl).toBeUndefined();
  });

  it.each([
    "redis://:hunter2@a",
    "redis://:hunter2@a,redis://b",
    "redis://:hunter2@a,redis://b,redis://c,redis://d",
    "redis://:hunter2@a,redis://b,redis://b",
    "redis://:hunter2@a,redis://b,http://c",
    "redis://:hunter2@a,redis://b,",
  ])("refuse SLUICE_QUORUM_URLS=%s without repeating what may be a password", (value) => {
    const read = () => readSettings({ SLUICE_QUORUM_URLS: value });
    expect(read).toThrow("SLUICE_QUORUM_URLS must be an odd number of different URLs, three or more");
    expect(read).not.toThrow("hunter2");
  });

  it("refuse two places for one count", () => {
    const both = { REDIS_URL: "redis://a", SLUICE_QUORUM_URLS: "redis://a,redis://b,redis://c" };
    expect(() => readSettings(both)).toThrow("REDIS_URL and SLUICE_QUORUM_URLS must not be given both");
  });

  it.each(["0.0.0.0", "::", "10.0.0.5", "127.evil.example", "sidecar"])(
    "let others reach %s only with a token, or where somebody says so",
    (host) => {
      expect(() => readSettings({ SLUICE_HOST: host })).toThrow(
        /must be loopback where no token is asked for.*SLUICE_TOKEN.*SLUICE_ALLOW_INSECURE_BIND=1/,
      );
      for (const excuse of [
        { SLUICE_TOKEN: token },
        { SLUICE_TOKENS_FILE: "tokens.yaml" },
        { SLUICE_ALLOW_INSECURE_BIND: "1" },
      ])
        expect(readSettings({ SLUICE_HOST: host, ...excuse }).host).toBe(host);
    },
  );

  it.each(["localhost", "127.0.0.1", "127.1.2.3", "::1"])("need no token on %s", (host) => {
    expect(readSettings({ SLUICE_HOST: host }).allowedHosts).toEqual([]);
  });

  it("let callers use the name that the sidecar listens on, and no name for all addresses", () => {
    const hosts = (host: string) => readSettings({ SLUICE_HOST: host, SLUICE_TOKEN: token }).allowedHosts;
    expect(hosts("10.0.0.5")).toEqual(["10.0.0.5"]);
    for (const host of ["0.0.0.0", "::", "0:0:0:0:0:0:0:0"]) expect(hosts(host)).toEqual([]);
  });
});

describe("warnings", () => {
  const redis = { REDIS_URL: "redis://localhost" };
  const warnings = (environment: Environment) => warningsOf(readSettings(environment));

  it("say what a memory store cannot keep", () => {
    expect(warnings(redis)).toEqual([]);
    expect(warnings({ SLUICE_QUORUM_URLS: "redis://a,redis://b,redis://c" })).toEqual([]);
    expect(warnings({})).toEqual([expect.stringContaining("after a restart more permits than the limit")]);
    expect(warnings({ SLUICE_STATE_DIR: "/tmp" })).toEqual([]);
    expect(warnings({ ...redis, SLUICE_STATE_DIR: "/tmp" })).toEqual([
      expect.stringContaining("SLUICE_STATE_DIR has no effect"),
    ]);
  });

  it("say that pages can reach a sidecar that answers to every name and asks for no token", () => {
    const anyName = { ...redis, SLUICE_ALLOWED_HOSTS: "sidecar, *" };
    expect(warnings(anyName)).toEqual([expect.stringMatching(/^SLUICE_ALLOWED_HOSTS=\* without tokens/)]);
    expect(warnings({ ...anyName, SLUICE_TOKEN: token })).toEqual([]);
    expect(warnings({ ...redis, SLUICE_ALLOWED_HOSTS: "*.example.com" })).toEqual([]);
  });

  it("say who can reach an address that is not loopback", () => {
    const open = { ...redis, SLUICE_HOST: "0.0.0.0" };
    expect(warnings({ ...open, SLUICE_ALLOW_INSECURE_BIND: "1" })).toEqual([
      expect.stringContaining("everybody who reaches 0.0.0.0"),
    ]);
    expect(warnings({ ...open, SLUICE_TOKEN: token })).toEqual([expect.stringContaining("unencrypted")]);
    const tls = { SLUICE_TLS_CERT_FILE: "c", SLUICE_TLS_KEY_FILE: "k" };
    expect(warnings({ ...open, ...tls, SLUICE_TOKEN: token })).toEqual([]);
  });
});
