import type { ResizeBody, SnapshotAnswer } from "@sluice/client/shapes";
import type { Access } from "../access/access.js";
import { Refusal, refusalOf, Unreachable } from "./refusal.js";

/** The most that a page of leases and waiters holds. */
export const PAGE_SIZE = 1_000;

/** The sidecar's own words tell how to send one, which the page knows. */
const UNKNOWN_TOKEN = "the sidecar does not know this token, or not any more";

/** The calls that this page makes. Their paths are relative, so that a proxy may put the sidecar below a path of its own. */
export class Sidecar {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  /** A page of leases and waiters. @throws Refusal, Unreachable */
  async inspect(semaphore: string, cursor: string | undefined, signal: AbortSignal): Promise<SnapshotAnswer> {
    const query = new URLSearchParams({
      pageSize: String(PAGE_SIZE),
      ...(cursor !== undefined && { cursor }),
    });
    const response = await this.#call(`${pathOf(semaphore)}?${query}`, { signal });
    return response.json();
  }

  /** @throws Refusal, Unreachable */
  async resize(semaphore: string, limit: number): Promise<void> {
    const body: ResizeBody = { limit };
    await this.#call(pathOf(semaphore), {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  /** @throws Refusal, Unreachable */
  async revoke(semaphore: string, lease: string): Promise<void> {
    await this.#call(`${pathOf(semaphore)}/leases/${encodeURIComponent(lease)}`, { method: "DELETE" });
  }

  /** The body of the event stream, from its first byte. @throws Refusal, Unreachable */
  async events(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#call("v1/events", { headers: { accept: "text/event-stream" }, signal });
    if (response.body === null) throw new Refusal(response.status, { detail: "the event stream is empty" });
    return response.body;
  }

  async #call(path: string, { headers, ...init }: RequestInit): Promise<Response> {
    const { token } = this.#access;
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = { ...init, cache: "no-store", headers: { ...headers, ...authorization } } as const;
    const response = await fetch(path, request).catch((cause) => {
      throw init.signal?.aborted ? cause : new Unreachable(cause);
    });
    if (response.ok) return response;
    const refusal = await refusalOf(response);
    if (response.status === 401) this.#access.refused(UNKNOWN_TOKEN, token);
    throw refusal;
  }
}

function pathOf(semaphore: string): string {
  return `v1/semaphores/${encodeURIComponent(semaphore)}`;
}
