import type { Page } from "@sluice/core";

export const semaphoresPath = "/v1/semaphores";

/** Where a sidecar takes sessions. */
export function sessionUrl(sidecar: URL): URL {
  const url = new URL(sidecar.origin);
  url.pathname = `${sidecar.pathname.replace(/\/$/, "")}/v1/session`;
  return url;
}

export function pathOf(semaphore: string): string {
  return `${semaphoresPath}/${encodeURIComponent(semaphore)}`;
}

/** Empty, or with its question mark. */
export function queryOf({ pageSize, cursor }: Page = {}): string {
  const query = new URLSearchParams();
  if (pageSize !== undefined) query.set("pageSize", String(pageSize));
  if (cursor !== undefined) query.set("cursor", cursor);
  return query.size > 0 ? `?${query}` : "";
}
