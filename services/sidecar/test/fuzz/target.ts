import { Agent, request } from "node:http";
import { type NodeProcess, spawnNode, until } from "@sluice/testkit";
import { expect } from "vitest";
import { type Answer, call } from "../http.js";
import type { Shot } from "./requests.js";

const program = new URL("../children/sidecar.mjs", import.meta.url);

interface Counts {
  readonly sessionsOpen: number;
  readonly acquiresUnderWay: number;
  readonly leasesHeld: number;
}

/** What came of a request; status 0 where the connection ended instead. */
export interface Outcome {
  readonly status: number;
  readonly code: string | undefined;
}

/** A sidecar in a process of its own, which is shot at. */
export class Target {
  readonly url: string;
  readonly #process: NodeProcess;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  private constructor(process: NodeProcess, url: string) {
    this.#process = process;
    this.url = url;
  }

  static async start(env: Readonly<Record<string, string>>): Promise<Target> {
    const process = spawnNode(program, [], { env: { SLUICE_LOG_LEVEL: "warn", ...env } });
    const { url } = await process.next<{ url: string }>();
    return new Target(process, url);
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await this.#process.kill();
  }

  /** A stream is left when it has begun. */
  fire({ method, path, headers, body }: Shot): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const outgoing = request(`${this.url}`, { method, path, headers, agent: this.#agent });
      outgoing.once("error", reject);
      outgoing.once("response", (response) => {
        const { statusCode: status = 0, headers } = response;
        let text = "";
        const isStream = /ndjson|event-stream/.test(headers["content-type"] ?? "");
        response.on("error", () => {});
        response.on("data", (chunk) => {
          text += chunk;
          if (isStream) response.destroy();
        });
        response.once("close", () => resolve({ status, code: isStream ? undefined : codeIn(text) }));
      });
      outgoing.end(body);
    });
  }

  ask(method: string, path: string, body?: unknown): Promise<Answer> {
    return call(this.url, method, path, { body });
  }

  /** Everything that requests can change, without what passes by itself. */
  async state(): Promise<unknown> {
    const { semaphores } = (await this.ask("GET", "/v1/semaphores?pageSize=1000")).body as {
      semaphores: { semaphore: string }[];
    };
    const looks = semaphores.map(({ semaphore }) =>
      this.ask("GET", `/v1/semaphores/${semaphore}?pageSize=1000`),
    );
    return (await Promise.all(looks)).map(({ body }) =>
      JSON.parse(
        JSON.stringify(body, (name, value) => (/Ms$/.test(name) && name !== "leaseMs" ? undefined : value)),
      ),
    );
  }

  async counts(): Promise<Counts> {
    this.#process.send({ ask: "counts" });
    return (await this.#process.next<{ counts: Counts }>((message) => "counts" in message)).counts;
  }

  /** It works as if nothing had happened, has nothing left to do, and has logged no error. */
  async expectGoodHealth(): Promise<void> {
    const idle = { sessionsOpen: 0, acquiresUnderWay: 0, leasesHeld: 0 };
    const isIdle = async () => JSON.stringify(await this.counts()) === JSON.stringify(idle);
    await until(isIdle, { what: "nothing to be left", timeoutMs: 15_000 }).catch(() => {});
    expect(await this.counts()).toEqual(idle);
    const path = "/v1/semaphores/afterwards";
    expect((await this.ask("PUT", path, { limit: 1 })).status).toBe(201);
    const { body } = await this.ask("POST", `${path}/acquire`, {});
    const released = await this.ask("POST", `${path}/release`, { lease: body.lease });
    expect(released.body).toEqual({ released: true });
    expect((await this.ask("DELETE", path)).status).toBe(204);
    expect(this.#process.talk).not.toContain('"level":"error"');
  }
}

function codeIn(text: string): string | undefined {
  return text.startsWith("{") ? (JSON.parse(text) as { code?: string }).code : undefined;
}
