import { type RedisServer, startRedis, until } from "@sluice/testkit";
import { afterEach, expect, it } from "vitest";
import { call } from "./http.js";
import { Program } from "./program.js";

const started: { kill(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((one) => one.kill()));
});

/** A port at which a server was, and none is now; its log and its data stay until the test is over. */
async function startStopped(): Promise<RedisServer> {
  const redis = await startRedis();
  await redis.kill();
  started.push({ kill: () => redis.stop() });
  return redis;
}

function startProgram(redis: RedisServer): Program {
  const program = new Program({ REDIS_URL: redis.url, SLUICE_ASSUME_FRESH: "1" });
  started.push(program);
  return program;
}

/** Not the reminders, of which there is one for every ten seconds of an absence. */
const away = /"level":"warn".*"awayMs":\d{1,3},.*the store is away/g;
const back = /"level":"info".*the store answers/g;

it("a sidecar starts without its Redis, is ready once that is there, and survives it", {
  timeout: 60_000,
}, async () => {
  const redis = await startStopped();
  const program = startProgram(redis);
  const url = await program.url();
  const readyz = () => call(url, "GET", "/readyz");
  const isReady = async (ready: boolean) =>
    until(async () => ((await readyz()).status === 200) === ready, {
      what: `readiness to be ${ready}`,
      timeoutMs: 15_000,
    });
  const count = (pattern: RegExp) => [...program.stderr.matchAll(pattern)].length;

  await program.says("the store is away");
  expect(await readyz()).toMatchObject({
    status: 503,
    body: { status: "unavailable", components: { store: { status: "down" } } },
  });
  expect((await call(url, "GET", "/livez")).status).toBe(200);
  const refused = await call(url, "POST", "/v1/semaphores/api/acquire", { body: { limit: 1 } });
  expect(refused).toMatchObject({ status: 503, body: { code: "STORE_UNAVAILABLE" } });

  await redis.start();
  await isReady(true);
  await program.says("the store answers");
  // Many attempts to connect have failed, and one line says so.
  expect([count(away), count(back)]).toEqual([1, 1]);

  await redis.kill();
  await isReady(false);
  await until(() => count(away) === 2, { what: "to be told of it" });
  await redis.start();
  await isReady(true);
  await until(() => count(back) === 2, { what: "to be told of it" });
  expect(program.stderr.split("\n").filter(isTalk)).toEqual([]);
});

/** A line that is no entry of the log. */
function isTalk(line: string): boolean {
  return line !== "" && !line.startsWith("{");
}
