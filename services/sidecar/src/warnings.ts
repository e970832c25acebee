import { isLoopback } from "./settings/host.js";
import { asksForTokens, isReadableByOthers } from "./settings/tokens.js";
import type { Settings } from "./settings.js";

/** What whoever starts a sidecar with these settings must know. */
export function warningsOf(settings: Settings): string[] {
  return [...aboutTheCount(settings), ...aboutCallers(settings)];
}

function* aboutTheCount({ redisUrl, quorumUrls, stateDir, maxLeaseMs }: Settings): Generator<string> {
  const inRedis = redisUrl !== undefined || quorumUrls !== undefined;
  if (inRedis && stateDir !== undefined)
    yield "SLUICE_STATE_DIR has no effect: the count is in Redis, which keeps it";
  if (!inRedis && stateDir === undefined) {
    yield `the count is in this process's memory: after a restart more permits than the limit may be in use, for up to ${maxLeaseMs} ms. Set REDIS_URL to keep it elsewhere, or SLUICE_STATE_DIR to wait for that long after a crash`;
  }
}

function* aboutCallers(settings: Settings): Generator<string> {
  const { host, tokensFile, tls, allowedHosts } = settings;
  const isOpen = !asksForTokens(settings);
  if (isOpen && allowedHosts.includes("*"))
    yield "SLUICE_ALLOWED_HOSTS=* without tokens lets web pages reach this sidecar under names of their own: list the names that callers use, or set SLUICE_TOKEN";
  if (!isLoopback(host) && isOpen)
    yield `everybody who reaches ${host} may acquire, release and change everything`;
  if (!isLoopback(host) && !isOpen && tls === undefined)
    yield `tokens come to ${host} unencrypted, unless something in front of it ends TLS; set SLUICE_TLS_CERT_FILE and SLUICE_TLS_KEY_FILE`;
  if (tokensFile !== undefined && isReadableByOthers(tokensFile))
    yield `every user of this host may read ${tokensFile}: chmod o-r`;
}
