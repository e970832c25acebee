import type { Snapshot } from "@sluice/core";
import { until } from "@sluice/testkit";
import type { ClientOptions } from "ws";
import type { Sidecar } from "../src/sidecar.js";
import { RawSession } from "./session-client.js";
import { startTestSidecar, type TestOptions } from "./sidecars.js";

/** What makes the sidecar see a proxy between itself and a client. */
export const behindProxy = { headers: { "x-forwarded-for": "192.0.2.1" } } as const;

/** One sidecar for each test, the sessions that are opened at it, and what its store says. */
export class SessionScene {
  #sidecar: Sidecar | undefined;

  get sidecar(): Sidecar {
    if (this.#sidecar === undefined) throw new Error("no sidecar was started");
    return this.#sidecar;
  }

  async startSidecar(options: TestOptions = {}): Promise<Sidecar> {
    this.#sidecar = await startTestSidecar(options);
    return this.#sidecar;
  }

  /** Starts the sidecar, and resolves with a first session. */
  async start(options: TestOptions = {}): Promise<RawSession> {
    await this.startSidecar(options);
    return this.session();
  }

  session(options: ClientOptions = {}): Promise<RawSession> {
    return RawSession.open(this.sidecar.url, options);
  }

  async look(semaphore = "api"): Promise<Snapshot> {
    const snapshot = await this.sidecar.store.inspect(semaphore);
    if (snapshot === undefined) throw new Error("there is no such semaphore");
    return snapshot;
  }

  async becomes(what: string, condition: (snapshot: Snapshot) => boolean, timeoutMs = 5_000): Promise<void> {
    await until(async () => condition(await this.look()), { what, timeoutMs });
  }

  async close(): Promise<void> {
    await this.#sidecar?.close();
    this.#sidecar = undefined;
  }
}
