import { expect, test } from "vitest";
import type { Network } from "../../src/stores/redis/link.js";
import { Names } from "../../src/stores/redis/names.js";

const names = Array.from({ length: 200 }, (_, index) => `s${String(index).padStart(3, "0")}`);

/** A server of 200 semaphores, which knows how many looks lay before it at once. */
class CountingNetwork implements Pick<Network, "call" | "inspect"> {
  most = 0;
  #open = 0;

  async call(command: string): Promise<unknown> {
    return command === "ZRANGEBYLEX" ? names : [];
  }

  async inspect(): Promise<string> {
    this.#open += 1;
    this.most = Math.max(this.most, this.#open);
    await new Promise(setImmediate);
    this.#open -= 1;
    return "[1,0,0,10000,10,0,0,0,0,0,0,0]";
  }
}

test("a listing asks for few semaphores at once, so that the server turns to others between", async () => {
  const network = new CountingNetwork();
  const listed = await new Names(network as unknown as Network, "test").list({ pageSize: 1_000 });
  expect(listed.semaphores.map(({ semaphore }) => semaphore)).toEqual(names);
  expect(network.most).toBeLessThanOrEqual(32);
});
