import { redisUrlWithoutSecrets } from "@sluice/core/redis";
import { asksForTokens } from "./settings/tokens.js";
import type { Settings } from "./settings.js";
import { version } from "./version.js";

/**
 * What a person at a terminal gets to see: where the sidecar is, and how to use it by hand.
 *
 * @param consoleUrl undefined where the console was not built
 */
export function welcome(url: string, consoleUrl: string | undefined, settings: Settings): string {
  const needsToken = asksForTokens(settings);
  const hint = needsToken ? " with a token in SLUICE_TOKEN" : "";
  return `Sluice ${version} listens on ${url} (${storeNamed(settings)})
${consoleUrl === undefined ? "" : `See who holds what and who waits: ${consoleUrl}\n`}
Try it in another terminal${hint}: acquire a permit, renew it, release it.

${curlLines(url, Math.min(15_000, settings.maxLeaseMs), needsToken)}
`;
}

/** Where the count lives, in words that hold no secret. */
export function storeNamed({ redisUrl, quorumUrls }: Settings): string {
  if (quorumUrls !== undefined)
    return `a quorum of Redis at ${quorumUrls.map(redisUrlWithoutSecrets).join(", ")}`;
  return redisUrl === undefined ? "embedded memory store" : `Redis at ${redisUrlWithoutSecrets(redisUrl)}`;
}

/** A lease of 15 s leaves a person the time to type. The id is cut out with sed, which every system has. */
function curlLines(url: string, leaseMs: number, needsToken: boolean): string {
  const authorization = needsToken ? ' -H "authorization: Bearer $SLUICE_TOKEN"' : "";
  const post = `curl -sS -H 'content-type: application/json'${authorization}`;
  return `  DEMO=${url}/v1/semaphores/demo
  GRANT=$(${post} "$DEMO/acquire" -d '{"limit": 3, "leaseMs": ${leaseMs}}'); echo "$GRANT"
  LEASE=$(echo "$GRANT" | sed -n 's/.*"lease":"\\([^"]*\\)".*/\\1/p')
  ${post} "$DEMO/renew" -d '{"leases": ["'"$LEASE"'"]}'
  ${post} "$DEMO/release" -d '{"lease": "'"$LEASE"'"}'`;
}
