import { until } from "@sluice/testkit";
import { afterAll, afterEach, expect, it } from "vitest";
import { Folder } from "./folders.js";
import { call } from "./http.js";
import { Program } from "./program.js";

const folder = new Folder();
const first = "0123456789abcdef-first";
const second = "0123456789abcdef-second";

let program: Program | undefined;

afterEach(() => program?.kill());
afterAll(() => folder[Symbol.dispose]());

const writeTokens = (...tokens: string[]) =>
  folder.write(
    "tokens.json",
    JSON.stringify({
      tokens: tokens.map((token, index) => ({ name: `t${index}`, token, scopes: ["operate"] })),
    }),
  );

const writeConfig = (text: string) => folder.write("semaphores.yaml", text);

it("a sidecar reads tokens and configuration again at SIGHUP, and keeps what it had where they are bad", async () => {
  program = new Program({
    SLUICE_TOKENS_FILE: writeTokens(first),
    SLUICE_CONFIG: writeConfig("semaphores: { api: 1 }"),
  });
  const url = await program.url();
  const look = (token: string) =>
    call(url, "GET", "/v1/semaphores/api", { headers: { authorization: `Bearer ${token}` } });
  await until(async () => (await look(first)).status === 200, { what: "the configuration to be applied" });
  expect((await look(second)).status).toBe(401);

  writeTokens(second);
  writeConfig("semaphores: { api: 2 }");
  program.process.kill("SIGHUP");
  await until(async () => (await look(second)).body.limit === 2, { what: "the second files" });
  expect((await look(first)).status).toBe(401);

  writeTokens("short");
  writeConfig("semaphores: { api: two }");
  program.process.kill("SIGHUP");
  await program.says("the new tokens cannot be used");
  await program.says("the configuration is bad");
  expect(await look(second)).toMatchObject({ status: 200, body: { limit: 2 } });
});

it.each([
  [
    "SLUICE_CONFIG",
    () => writeConfig("semaphores:\n  api: two\n"),
    /semaphores\.yaml:2:8: semaphores\.api must/,
  ],
  ["SLUICE_TOKENS_FILE", () => writeTokens("short"), /tokens\.json:1:33: tokens\[0\]\.token must/],
])("a sidecar does not start with a bad %s", async (name, write, said) => {
  program = new Program({ [name]: write() });
  expect(await program.ended).toBe(64);
  expect(program.stderr).toMatch(said);
});

it("a sidecar that others can reach does not start without a token", async () => {
  program = new Program({ SLUICE_HOST: "0.0.0.0" });
  expect(await program.ended).toBe(64);
  expect(program.stderr).toMatch(/^sluice: SLUICE_HOST must be loopback where no token is asked for/);
});
