import { setTimeout as sleep } from "node:timers/promises";

/**
 * Calls the upstream until it answers. After a 429 it waits for as long as the answer says and tries again, as the
 * clients of most APIs do.
 *
 * @throws Error when the upstream answers anything but 200 or 429, or cannot be reached
 */
export async function callUpstream(
  url: string,
  tell: (state: "calling" | "refused") => void,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    tell("calling");
    const response = await fetch(url, { method: "POST", signal });
    await response.arrayBuffer();
    if (response.ok) return;
    if (response.status !== 429) throw new Error(`the upstream answered ${response.status}`);
    tell("refused");
    await sleep(retryAfterMs(response.headers), undefined, { signal });
  }
}

function retryAfterMs(headers: Headers): number {
  return Number(headers.get("retry-after-ms") ?? Number(headers.get("retry-after")) * 1_000);
}
