import { StoreIncompatibleError } from "../../errors.js";
import type { MasterClient } from "./client.js";
import type { Freshness } from "./freshness.js";
import type { Script, Scripts } from "./scripts.js";

/** A peer that accepts a connection and says nothing is given up after this time. */
const readinessMs = 2_000;
const retryMs = 200;
const oldest = [7, 0] as const;

export interface MasterListener {
  /** A master came or went, or it is known from when on it votes. */
  changed(): void;
  /** Whether another master is this very server, under another name. */
  isKnown(incarnation: string, by: Master): boolean;
}

export interface MasterSetup {
  readonly client: MasterClient;
  readonly scripts: Scripts;
  readonly marker: string;
  readonly freshness: Freshness;
  readonly listener: MasterListener;
}

/**
 * One master of the quorum. It is up once the scripts are loaded and the server was met, over the very connection that
 * carries the votes. To redlock it is a client.
 */
export class Master {
  up = false;
  /** It cannot be reached, and not because it was never tried. */
  away = false;
  cause: unknown;
  /** From when on it votes, by `performance.now()`; undefined before it was met. */
  votesAt: number | undefined;
  /** Why it did not vote when it was met. */
  why = "";
  refusal: StoreIncompatibleError | undefined;
  readonly #client: MasterClient;
  readonly #scripts: Scripts;
  readonly #marker: string;
  readonly #listener: MasterListener;
  readonly #freshness: Freshness;
  #incarnation = "";
  /** The connection is being ended. */
  #ending = false;
  #meeting = false;
  #readiness: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ client, scripts, marker, freshness, listener }: MasterSetup) {
    this.#client = client;
    this.#scripts = scripts;
    this.#marker = marker;
    this.#freshness = freshness;
    this.#listener = listener;
    client.on("connect", this.#connected);
    client.on("ready", this.#ready);
    client.on("close", this.#lost);
    client.on("error", (error) => {
      this.cause = withoutCommand(error);
    });
  }

  /** The life of the server that was met last; empty before. */
  get incarnation(): string {
    return this.#incarnation;
  }

  /** It has forgotten no vote for a lease that may still be believed. */
  get votes(): boolean {
    return this.votesAt !== undefined && this.votesAt <= performance.now();
  }

  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.evalsha(script.sha, keys.length, [...keys, ...args]);
  }

  /** As redlock calls it. Fails at once while the master is not up. */
  async evalsha(sha: string, keyCount: number, args: readonly (string | number)[]): Promise<unknown> {
    if (!this.up) throw new Error("the master is away", { cause: this.cause });
    try {
      return await this.#client.evalsha(sha, keyCount, ...args, this.#incarnation);
    } catch (error) {
      this.#learn(error);
      throw withoutCommand(error);
    }
  }

  /** redlock would send a text to whatever server there is by then. The scripts are loaded when a server is met. */
  async eval(): Promise<never> {
    throw new Error("the master has to be met again");
  }

  close(): void {
    this.#closed = true;
    this.up = false;
    clearTimeout(this.#readiness);
    clearTimeout(this.#retry);
    this.#client.disconnect();
  }

  #learn(error: unknown): void {
    const message = error instanceof Error ? error.message : "";
    if (/^(UNMET|NOSCRIPT)/.test(message)) {
      this.#setDown(error);
      this.#ready();
    } else if (/^READONLY|Command timed out/.test(message)) {
      this.#reset(error);
    }
  }

  /** Whoever does not answer in time is asked nothing more until a new connection stands. */
  #reset(cause: unknown): void {
    if (this.#closed) return;
    this.#setDown(cause);
    // Once for all the commands that fail together: each goodbye would listen to the socket for its end.
    if (this.#ending) return;
    this.#ending = true;
    this.#client.disconnect(true);
  }

  readonly #connected = (): void => {
    this.#ending = false;
    clearTimeout(this.#readiness);
    this.#readiness = setTimeout(() => {
      if (!this.up) this.#reset(new Error(`no answer within ${readinessMs} ms of connecting`));
    }, readinessMs);
    this.#readiness.unref();
  };

  readonly #ready = (): void => {
    if (this.#meeting || this.#closed) return;
    this.#meeting = true;
    this.#meet()
      .catch((error: unknown) => this.#couldNotMeet(error))
      .finally(() => {
        this.#meeting = false;
      });
  };

  readonly #lost = (): void => {
    this.#setDown(undefined);
  };

  async #meet(): Promise<void> {
    requireVersion(String(await this.#client.call("INFO", "server")));
    await Promise.all(
      Object.values(this.#scripts).map(({ text }) => this.#client.call("SCRIPT", "LOAD", text)),
    );
    const how = (await this.#isFresh()) ? "fresh" : "meet";
    const sentAt = performance.now();
    const met = await this.#callMeet(how);
    if (this.#client.status !== "ready" || this.#closed) throw new Error("the connection was lost");
    const [incarnation, recoversMs, why] = met as [string, number, string];
    if (this.#listener.isKnown(incarnation, this))
      throw new StoreIncompatibleError("two of the masters are one server; each must be a server of its own");
    this.#incarnation = incarnation;
    // The pause ends at the server so long after the call ran, which was before now.
    this.votesAt = recoversMs === 0 ? sentAt : performance.now() + recoversMs;
    this.why = why;
    this.refusal = undefined;
    this.cause = undefined;
    this.away = false;
    this.up = true;
    this.#listener.changed();
  }

  async #isFresh(): Promise<boolean> {
    if (this.#incarnation !== "" || !this.#freshness.assumed) return false;
    const used = (await this.#callMeet("ask")) === 1;
    // It has answered; from now on it is the others that are waited for.
    clearTimeout(this.#readiness);
    return this.#freshness.judge(this, used);
  }

  #callMeet(how: "ask" | "fresh" | "meet"): Promise<unknown> {
    return this.#client.evalsha(this.#scripts.meet.sha, 1, this.#marker, how, this.#incarnation);
  }

  #couldNotMeet(error: unknown): void {
    if (this.#closed) return;
    if (error instanceof StoreIncompatibleError) this.refusal = error;
    this.#setDown(error);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#client.status === "ready") this.#ready();
    }, retryMs);
    this.#retry.unref();
  }

  #setDown(cause: unknown): void {
    if (this.#closed) return;
    this.up = false;
    this.away = true;
    this.cause = withoutCommand(cause) ?? this.cause;
    this.#listener.changed();
  }
}

/** The error of a reply carries its command, with the names of leases: nobody else's business. */
function withoutCommand(error: unknown): unknown {
  if (error instanceof Error && "command" in error) delete error.command;
  return error;
}

function requireVersion(info: string): void {
  const [, version = "0"] = /^redis_version:(.*?)\r?$/m.exec(info) ?? [];
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  throw new StoreIncompatibleError(
    `a master is redis ${version}; Sluice needs Redis 7.0 or Valkey 7.2, or later`,
  );
}
