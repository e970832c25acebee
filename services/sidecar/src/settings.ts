import { bounds } from "@sluice/core";
import { defaultLimits, type Limits } from "./limits/client-limits.js";
import { type Level, levels } from "./log.js";
import { hostPattern, isEveryAddress, isLoopback } from "./settings/host.js";
import { type Environment, Reader, SettingsError } from "./settings/reader.js";
import type { TlsFiles } from "./settings/tls.js";
import { asksForTokens, tokenPattern, tokenRule } from "./settings/tokens.js";

export { type Environment, SettingsError } from "./settings/reader.js";

const HOUR_MS = 3_600_000;

const MILLION = 1_000_000;

const prefixPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const prefixRule = "1 to 64 letters, digits, or . _ : -, a letter or digit first";

/** Everything that can be set, by environment variables. */
export interface Settings {
  /** `SLUICE_HOST`: the address to listen on; 127.0.0.1 when left out, which only this host reaches. */
  readonly host: string;
  /** `SLUICE_PORT`: 7077 when left out; 0 takes a free one. */
  readonly port: number;
  /** `REDIS_URL`: where the count lives; in this process when left out. */
  readonly redisUrl: string | undefined;
  /** `SLUICE_QUORUM_URLS`: independent Redis masters, a majority of which keeps the count; none when left out. */
  readonly quorumUrls: readonly string[] | undefined;
  /** `SLUICE_PREFIX`: what every key in Redis begins with; `sluice` when left out. */
  readonly prefix: string;
  /** `SLUICE_MAX_LEASE_MS`: the longest lease, in milliseconds; 15,000 when left out. */
  readonly maxLeaseMs: number;
  /** `SLUICE_ASSUME_FRESH`: a Redis that has started lately had nothing to lose; false when left out. */
  readonly assumeFresh: boolean;
  /** `SLUICE_STATE_DIR`: where a count in this process keeps what must outlive it; nowhere when left out. */
  readonly stateDir: string | undefined;
  /** `SLUICE_CONFIG`: a file that declares semaphores; none when left out. */
  readonly configFile: string | undefined;
  /** `SLUICE_TOKEN`: one secret for all callers, who may do everything with it. */
  readonly token: string | undefined;
  /** `SLUICE_TOKENS_FILE`: a file with the secrets of callers, and what each may do. */
  readonly tokensFile: string | undefined;
  /** `SLUICE_ALLOW_INSECURE_BIND`: others may reach a sidecar that asks for no token; false when left out. */
  readonly allowInsecureBind: boolean;
  /** `SLUICE_ALLOWED_HOSTS`, and `SLUICE_HOST` where it is one: what callers may call this sidecar, beside loopback. */
  readonly allowedHosts: readonly string[];
  /** `SLUICE_TLS_CERT_FILE` and `SLUICE_TLS_KEY_FILE`: HTTPS instead of HTTP. */
  readonly tls: TlsFiles | undefined;
  /** `SLUICE_DRAIN_MS`: how long a sidecar that is asked to end lets leases end first; 25,000 when left out. */
  readonly drainMs: number;
  /** `SLUICE_MAX_WAITERS_PER_CLIENT`, `SLUICE_MAX_SESSIONS_PER_CLIENT`, `SLUICE_MAX_SEMAPHORES`. */
  readonly limits: Limits;
  /** `SLUICE_METRICS_MAX_SEMAPHORES`: how many semaphores have metrics of their own; 100 when left out. */
  readonly metricsMaxSemaphores: number;
  /** `SLUICE_LOG_LEVEL`: error, warn, info or debug; info when left out. */
  readonly logLevel: Level;
}

/** A variable that is empty counts as left out. @throws SettingsError */
export function readSettings(environment: Environment): Settings {
  const read = new Reader(environment);
  const host = read.text("SLUICE_HOST", /^[A-Za-z0-9.:_-]+$/, "a host name or an IP address", "127.0.0.1");
  const settings: Settings = {
    host,
    port: read.integer("SLUICE_PORT", { min: 0, max: 65_535 }, 7_077),
    redisUrl: read.redisUrl("REDIS_URL"),
    quorumUrls: read.quorumUrls("SLUICE_QUORUM_URLS"),
    prefix: read.text("SLUICE_PREFIX", prefixPattern, prefixRule, "sluice"),
    maxLeaseMs: read.integer("SLUICE_MAX_LEASE_MS", { min: bounds.leaseMs.min, max: HOUR_MS }, 15_000),
    assumeFresh: read.flag("SLUICE_ASSUME_FRESH"),
    stateDir: read.path("SLUICE_STATE_DIR"),
    configFile: read.path("SLUICE_CONFIG"),
    token: read.secret("SLUICE_TOKEN", tokenPattern, tokenRule),
    tokensFile: read.path("SLUICE_TOKENS_FILE"),
    allowInsecureBind: read.flag("SLUICE_ALLOW_INSECURE_BIND"),
    allowedHosts: [
      ...read.list("SLUICE_ALLOWED_HOSTS", hostPattern, "names or addresses of hosts, without ports"),
      ...(isLoopback(host) || isEveryAddress(host) ? [] : [host.toLowerCase()]),
    ],
    tls: tlsFiles(read),
    drainMs: read.integer("SLUICE_DRAIN_MS", { min: 0, max: HOUR_MS }, 25_000),
    limits: readLimits(read),
    metricsMaxSemaphores: read.integer("SLUICE_METRICS_MAX_SEMAPHORES", { min: 0, max: 10_000 }, 100),
    logLevel: read.oneOf("SLUICE_LOG_LEVEL", levels, "info"),
  };
  const faults = read.faults.length > 0 ? read.faults : faultsBetween(settings);
  if (faults.length > 0) throw new SettingsError(faults);
  return settings;
}

function tlsFiles(read: Reader): TlsFiles | undefined {
  const certFile = read.path("SLUICE_TLS_CERT_FILE");
  const keyFile = read.path("SLUICE_TLS_KEY_FILE");
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile !== undefined || keyFile !== undefined)
    read.faults.push("SLUICE_TLS_CERT_FILE and SLUICE_TLS_KEY_FILE must be given together");
  return undefined;
}

function readLimits(read: Reader): Limits {
  const { waitersPerClient, sessionsPerClient, semaphoresInPassing } = defaultLimits;
  const range = { min: 1, max: MILLION };
  return {
    waitersPerClient: read.integer("SLUICE_MAX_WAITERS_PER_CLIENT", range, waitersPerClient),
    sessionsPerClient: read.integer("SLUICE_MAX_SESSIONS_PER_CLIENT", range, sessionsPerClient),
    semaphoresInPassing: read.integer("SLUICE_MAX_SEMAPHORES", { min: 0, max: MILLION }, semaphoresInPassing),
  };
}

/** What is wrong with values that are good each for itself. */
function faultsBetween(settings: Settings): string[] {
  const { host, token, tokensFile, allowInsecureBind, redisUrl, quorumUrls } = settings;
  const faults = [];
  if (redisUrl !== undefined && quorumUrls !== undefined)
    faults.push("REDIS_URL and SLUICE_QUORUM_URLS must not be given both: the count lives in one place");
  if (token !== undefined && tokensFile !== undefined)
    faults.push("SLUICE_TOKEN and SLUICE_TOKENS_FILE must not be given both");
  if (!isLoopback(host) && !asksForTokens(settings) && !allowInsecureBind) {
    faults.push(
      `SLUICE_HOST must be loopback where no token is asked for; got "${host}". Set SLUICE_TOKEN or SLUICE_TOKENS_FILE, or, where everybody who gets there may change everything, SLUICE_ALLOW_INSECURE_BIND=1`,
    );
  }
  return faults;
}
