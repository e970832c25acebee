import { readFileSync } from "node:fs";
import { type RedisServer, startCluster, startRedis, until } from "@sluice/testkit";
import { storeConformance } from "@sluice/testkit/conformance";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import { applyLua, inspectLua } from "../../src/stores/redis/scripts.generated.js";
import { freshStore } from "./fresh-store.js";

/** The commands that docs/redis.md tells an operator to give: to a user of one server, and more of a Cluster. */
const [onOneServer = [], onACluster = []] = documentedCommands();

const allowed = (commands: readonly (readonly string[])[]) =>
  commands.flatMap((words) => words.filter((word) => word.startsWith("+"))).map((word) => word.slice(1));

let server: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  server = await startRedis();
  await server.command(...onOneServer);
});
afterAll(() => server.stop());

const userUrl = (scheme: string, ports: readonly number[]) =>
  `${scheme}://sluice:PASSWORD@${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;

describe("a user that may do what the documentation lists, and nothing else", () => {
  storeConformance("the Redis store", async () => {
    prefixes += 1;
    const prefix = `sluice:test${prefixes}`;
    const url = userUrl("redis", [server.port]);
    const store = freshStore(url, { prefix });
    return { store, another: async () => freshStore(url, { prefix }), dispose: async () => {} };
  });

  test("was refused nothing on the way", async () => {
    expect(await server.command("ACL", "LOG")).toEqual([]);
  });

  test("may run every command of the scripts, and none that nobody runs", async () => {
    const statistics = String(await server.command("INFO", "commandstats"));
    const called = [...statistics.matchAll(/^cmdstat_(\S+?):calls/gm)].map(([, name]) => name);
    const needed = new Set([...called, ...commandsOfScripts()]);
    for (const command of commandsOfScripts()) expect(allowed([onOneServer])).toContain(command);
    expect(allowed([onOneServer]).filter((command) => !needed.has(command))).toEqual([]);
  });

  test("holds and hands over on a Cluster, with what it may do there besides", async () => {
    const cluster = await startCluster({ replicas: 0 });
    for (const node of cluster.nodes) {
      await node.command(...onOneServer);
      await node.command(...onACluster);
    }
    const url = userUrl(
      "redis+cluster",
      cluster.nodes.map(({ port }) => port),
    );
    const stores = [freshStore(url, { prefix: "sluice" }), freshStore(url, { prefix: "sluice" })];
    const [one, other] = stores.map((store) => new Semaphore(store, "api", { limit: 1 }));
    const held = await one?.acquire();
    const waiting = other?.acquire();
    await until(async () => (await one?.inspect())?.waiting === 1, { what: "the waiter" });
    await held?.release();
    await (await waiting)?.release();
    expect((await stores[0]?.list())?.semaphores).toHaveLength(1);
    await Promise.all(stores.map((store) => store.close()));
    for (const node of cluster.nodes) expect(await node.command("ACL", "LOG")).toEqual([]);
    await cluster.stop();
  }, 60_000);
});

function documentedCommands(): [string, ...string[]][] {
  const text = readFileSync(new URL("../../../../docs/redis.md", import.meta.url), "utf8");
  const blocks = [...text.matchAll(/^```text\n(ACL SETUSER [^`]*)```$/gm)];
  return blocks.map(([, block = ""]) => block.trim().split(/\s+/) as [string, ...string[]]);
}

/** Those that the scripts call by name; what they publish with differs. */
function commandsOfScripts(): Set<string> {
  const calls = (applyLua + inspectLua).matchAll(/\bcall\('([A-Z]+)'/g);
  return new Set([...calls].map(([, name = ""]) => name.toLowerCase()));
}
