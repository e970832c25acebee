import { isIP } from "node:net";
import type { Settings } from "./settings.js";

/** What whoever starts a sidecar with these settings must know. */
export function warningsOf({ redisUrl, host, maxLeaseMs }: Settings): string[] {
  const warnings = [];
  if (redisUrl === undefined) {
    warnings.push(
      `the count is in this process's memory: after a restart more permits than the limit may be in use, for up to ${maxLeaseMs} ms. Set REDIS_URL to keep it elsewhere`,
    );
  }
  if (!isLoopback(host)) {
    warnings.push(`everybody who reaches ${host} may acquire, release and change everything`);
  }
  return warnings;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
