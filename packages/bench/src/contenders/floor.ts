import { Redis } from "ioredis";
import type { Contender } from "./contender.js";

/** What every script call has to say at least: what it is about, and for whom. */
const key = "floor:{openai}:facts";
const lease = "hV3kX9Zp2mQ7sT5wB8yN1c";

/** The least that a script call for an acquire and one for a release can cost. It limits nothing. */
export async function openFloor(url: string): Promise<Contender> {
  const client = new Redis(url);
  const sha = String(await client.script("LOAD", "return 1"));
  return {
    async hold(work) {
      await client.evalsha(sha, 1, key, lease);
      await work();
      await client.evalsha(sha, 1, key, lease);
    },
    async close() {
      client.disconnect();
    },
  };
}
