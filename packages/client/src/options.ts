import { InvalidArgumentError } from "@sluice/core";

export interface SidecarStoreOptions {
  /** Sent with every request as `Authorization: Bearer`. */
  readonly token?: string | undefined;
  /** The longest lease that the sidecar accepts, as it is configured (`SLUICE_MAX_LEASE_MS`); 15,000 when left out. */
  readonly maxLeaseMs?: number | undefined;
  /** How long the sidecar may take to answer, beyond what it was asked to wait; 5,000 when left out. */
  readonly answerMs?: number | undefined;
  /**
   * Whether one session carries acquires and leases, which the sidecar then renews; true when left out. False: plain
   * HTTP alone, one request for each acquire and release, and leases that this process renews itself. Where a proxy is
   * known to let no WebSocket through, that saves the attempts.
   */
  readonly session?: boolean | undefined;
}

export type CheckedOptions = ReturnType<typeof checkedOptions>;

/** @throws InvalidArgumentError */
export function checkedOptions({
  token,
  maxLeaseMs = 15_000,
  answerMs = 5_000,
  session = true,
}: SidecarStoreOptions) {
  requireMilliseconds("maxLeaseMs", maxLeaseMs);
  requireMilliseconds("answerMs", answerMs);
  if (typeof session !== "boolean") throw new InvalidArgumentError("session", "true or false", session);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    // Without its value, which is a secret.
    throw new InvalidArgumentError("token", "printable ASCII characters without spaces", "***");
  }
  return { token, maxLeaseMs, answerMs, session };
}

/** @throws InvalidArgumentError */
export function sidecarUrl(url: string | URL): URL {
  const parsed = URL.canParse(String(url)) ? new URL(url) : undefined;
  if (parsed && /^https?:$/.test(parsed.protocol)) return parsed;
  throw new InvalidArgumentError("url", "an http:// or https:// URL", String(url));
}

function requireMilliseconds(argument: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new InvalidArgumentError(argument, "a whole number of milliseconds, at least 1", value);
}
