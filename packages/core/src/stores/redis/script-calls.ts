import type { Binding } from "./binding.js";
import type { RedisClient } from "./client.js";
import { faultOf } from "./faults.js";

/** Memory that has run out is asked for again after this time. */
const outOfMemoryMs = 1_000;

/** Calls of the scripts as they are bound to one server, and what the answers tell of the binding. */
export class ScriptCalls {
  readonly #client: RedisClient;
  readonly #unbound: (proven: boolean) => void;
  #binding: Binding | undefined;
  /** Some call was served under the binding: it is of the server that the client is connected to. */
  #proven = false;
  #answered = false;
  #outOfMemoryUntil = 0;

  /** @param unbound told when the server does not know the binding, or not any more, and whether it has known it */
  constructor(client: RedisClient, unbound: (proven: boolean) => void) {
    this.#client = client;
    this.#unbound = unbound;
  }

  get binding(): Binding | undefined {
    return this.#binding;
  }

  /** Some batch was answered, be it under an earlier binding. */
  get answered(): boolean {
    return this.#answered;
  }

  bind(binding: Binding): void {
    if (this.#binding !== binding) this.#proven = false;
    this.#binding = binding;
  }

  /** @throws whatever the client says; `faultOf` judges it */
  apply(binding: Binding, key: string, others: readonly string[], batch: string): Promise<unknown> {
    const outOfMemory = this.#outOfMemoryUntil > 0 && performance.now() < this.#outOfMemoryUntil;
    const sha = outOfMemory ? binding.applyOutOfMemorySha : binding.applySha;
    // Every operation comes this way: an async function would take half as long again.
    return this.#client
      .evalsha(sha, 1 + others.length, key, ...others, batch)
      .then(this.#applied, (error: unknown) => this.#learn(binding, error));
  }

  /** @throws whatever the client says; `faultOf` judges it */
  async inspect(
    binding: Binding,
    key: string,
    others: readonly string[],
    request: string,
  ): Promise<string | null> {
    const call = this.#client.evalsha(binding.inspectSha, 1 + others.length, key, ...others, request);
    const reply = await call.catch((error: unknown) => this.#learn(binding, error));
    this.#proven = true;
    return reply as string | null;
  }

  readonly #applied = (reply: unknown): unknown => {
    this.#proven = true;
    this.#answered = true;
    return reply;
  };

  /** @throws the error */
  #learn(binding: Binding, error: unknown): never {
    const fault = faultOf(error);
    if (fault === "out_of_memory") this.#outOfMemoryUntil = performance.now() + outOfMemoryMs;
    if (fault === "unbound" && this.#binding === binding) {
      this.#binding = undefined;
      this.#unbound(this.#proven);
    }
    throw error;
  }
}
