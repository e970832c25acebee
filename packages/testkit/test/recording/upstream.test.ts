import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startUpstream, type Upstream } from "../../src/recording/upstream.js";
import { UpstreamClient } from "../../src/recording/upstream-client.js";
import { until } from "../../src/until.js";

let upstream: Upstream;

beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(() => upstream[Symbol.asyncDispose]());

describe("the witness", () => {
  it("has counted what it has answered, over all connections", async () => {
    const [one, other] = await Promise.all([
      UpstreamClient.connect(upstream),
      UpstreamClient.connect(upstream),
    ]);
    await one.begin(2);
    await other.begin(1);
    expect(upstream).toMatchObject({ running: 3, highest: 3, begun: 2 });
    await one.end(2);
    await other.begin(1);
    expect(upstream).toMatchObject({ running: 2, highest: 3, begun: 3 });
  });

  it("forgets the work of a connection that ends", async () => {
    const client = await UpstreamClient.connect(upstream);
    await client.begin(4);
    client.close();
    await until(() => upstream.running === 0, { what: "the end of its work" });
    expect(upstream.highest).toBe(4);
  });
});
