import type { Page } from "@sluice/core";

export const semaphoresPath = "/v1/semaphores";

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
