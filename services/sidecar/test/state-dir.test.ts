import { afterAll, afterEach, expect, it } from "vitest";
import { Folder } from "./folders.js";
import { call } from "./http.js";
import { Program } from "./program.js";

const path = "/v1/semaphores/api";
const folder = new Folder();
const started: Program[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((program) => program.kill()));
});
afterAll(() => folder[Symbol.dispose]());

function start(stateDir: string): Program {
  const program = new Program({ SLUICE_STATE_DIR: stateDir });
  started.push(program);
  return program;
}

it("a sidecar with a state directory keeps limits, and after a crash waits for leases and takes claims", async () => {
  const stateDir = `${folder.path}/state`;
  const crashing = start(stateDir);
  const first = await crashing.url();
  await call(first, "PUT", path, { body: { limit: 1, leaseMs: 15_000 } });
  const { body: lease } = await call(first, "POST", `${path}/acquire`, { body: {} });
  await crashing.kill();

  const recovering = start(stateDir);
  const second = await recovering.url();
  expect(await call(second, "GET", "/readyz")).toMatchObject({
    status: 200,
    body: { status: "ready", components: { recovery: { status: "active" } } },
  });
  await recovering.says("the store recovers");
  const refused = await call(second, "POST", `${path}/acquire`, { body: {} });
  expect(refused).toMatchObject({ status: 503, body: { code: "RECOVERING" } });
  const { body: renewed } = await call(second, "POST", `${path}/renew`, { body: { leases: [lease] } });
  expect(renewed).toMatchObject({ leases: [{ lease: lease.lease, renewed: true }] });
  await call(second, "POST", `${path}/release`, { body: { lease: lease.lease } });
  recovering.process.kill("SIGTERM");
  expect(await recovering.ended).toBe(0);
});

it("a sidecar that ended in good order pauses nothing when it starts again", async () => {
  const stateDir = `${folder.path}/clean`;
  const ending = start(stateDir);
  await call(await ending.url(), "PUT", path, { body: { limit: 3 } });
  ending.process.kill("SIGTERM");
  expect(await ending.ended).toBe(0);
  const url = await start(stateDir).url();
  expect((await call(url, "GET", "/readyz")).body).toMatchObject({
    components: { recovery: { status: "idle" } },
  });
  expect((await call(url, "GET", path)).body).toMatchObject({ limit: 3, version: 1 });
  expect((await call(url, "POST", `${path}/acquire`, { body: {} })).status).toBe(200);
});

it("a sidecar says in one line that it cannot use its state directory", async () => {
  const program = start(folder.write("file", ""));
  expect(await program.ended).toBe(69);
  expect(program.stderr).toMatch(/^sluice: [^\n]*\n$/);
});
