import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What the permits are for: it takes its time, and knows by itself how many are used at once. */
export class Upstream {
  /** How often some semaphore's permits in use were more than its limit. */
  readonly overruns: string[] = [];
  /** The most permits of each semaphore that were in use at once. */
  readonly most = new Map<string, number>();
  readonly #limits: Readonly<Record<string, number>>;
  readonly #inUse = new Map<string, number>();
  readonly #server: Server;

  constructor(limits: Readonly<Record<string, number>>) {
    this.#limits = limits;
    this.#server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://upstream");
      const semaphore = pathname.slice(1);
      const permits = Number(searchParams.get("permits"));
      this.#change(semaphore, permits);
      const working = setTimeout(
        () => {
          // Before the answer: whoever reads it releases.
          end();
          response.end();
        },
        Number(searchParams.get("ms")),
      );
      const end = () => {
        clearTimeout(working);
        this.#change(semaphore, -permits);
        response.off("close", end);
      };
      // A caller that is killed ends its call.
      response.once("close", end);
    });
    this.#server.keepAliveTimeout = 60_000;
  }

  get inUse(): number {
    return [...this.#inUse.values()].reduce((sum, permits) => sum + permits, 0);
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #change(semaphore: string, permits: number): void {
    const inUse = (this.#inUse.get(semaphore) ?? 0) + permits;
    this.#inUse.set(semaphore, inUse);
    this.most.set(semaphore, Math.max(this.most.get(semaphore) ?? 0, inUse));
    const limit = this.#limits[semaphore] ?? 0;
    if (inUse > limit && permits > 0) this.overruns.push(`${inUse} of ${limit} permits of ${semaphore}`);
  }
}
