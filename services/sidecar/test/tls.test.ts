import { randomInt, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type RequestOptions, request } from "node:https";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { type RedisServer, spawnNode, startRedis, until } from "@sluice/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Environment } from "../src/settings.js";
import { authority, certificates } from "./certificates.js";
import { Folder } from "./folders.js";
import { call } from "./http.js";
import { Program } from "./program.js";

const started: Program[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((program) => program.kill()));
});

function start(environment: Environment): Program {
  const program = new Program(environment);
  started.push(program);
  return program;
}

describe("a Redis that speaks TLS", () => {
  let redis: RedisServer;
  let url: string;

  beforeAll(async () => {
    const { cert, key } = certificates.server;
    redis = await startRedis({
      args: ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no"],
    });
    // The testkit itself goes on talking without TLS, at another port. The first one that the server gets is it: one
    // that was found to be free could be another server's before this one has it.
    const listens = async (port: number) => {
      await redis.command("CONFIG", "SET", "tls-port", port);
      return port;
    };
    const port = await until(() => listens(randomInt(20_000, 32_000)), { what: "a port for TLS" });
    url = `rediss://localhost:${port}`;
  });
  afterAll(() => redis.stop());

  it("is reached by a rediss:// URL", async () => {
    const trusting = { NODE_EXTRA_CA_CERTS: certificates.authority };
    const program = start({ REDIS_URL: url, SLUICE_ASSUME_FRESH: "1", ...trusting });
    const sidecar = await program.url();
    await until(async () => (await call(sidecar, "GET", "/readyz")).status === 200, { what: "to be ready" });
    const { status } = await call(sidecar, "PUT", "/v1/semaphores/api", { body: { limit: 1 } });
    expect(status).toBe(201);
    expect(Number(await redis.command("EXISTS", "sluice:{api}:facts"))).toBe(1);
  });

  it("is not trusted where nobody vouches for it", async () => {
    const program = start({ REDIS_URL: url });
    expect(await program.says("the store is away")).toMatch(/certificate/);
    expect((await call(await program.url(), "GET", "/readyz")).status).toBe(503);
  });
});

describe("a sidecar with a certificate", () => {
  const folder = new Folder();

  afterAll(() => folder[Symbol.dispose]());

  function install({ cert, key }: { readonly cert: string; readonly key: string }): Record<string, string> {
    return {
      SLUICE_TLS_CERT_FILE: folder.write("cert.pem", readFileSync(cert)),
      SLUICE_TLS_KEY_FILE: folder.write("key.pem", readFileSync(key)),
    };
  }

  /** The serial number of the certificate that whoever connects gets to see. */
  async function serialShownAt(url: string): Promise<string> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), ca: authority });
    await once(socket, "secureConnect");
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  }

  const serialOf = ({ cert }: { readonly cert: string }) =>
    new X509Certificate(readFileSync(cert)).serialNumber;

  it("speaks HTTPS, and nothing else", async () => {
    const url = await start(install(certificates.server)).url();
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(await statusOf(`${url}/livez`)).toBe(200);
    await expect(call(url.replace("https:", "http:"), "GET", "/livez")).rejects.toThrow();
  });

  it("is found ready by the check of its container, which does not mind whose name the certificate bears", async () => {
    const environment = install(certificates.server);
    const { port } = new URL(await start(environment).url());
    const check = fileURLToPath(new URL("../dist/health-check.js", import.meta.url));
    const exitCode = async (env: Record<string, string>) => (await spawnNode(check, [], { env }).exited).code;
    expect(await exitCode({ ...environment, SLUICE_PORT: port })).toBe(0);
    expect(await exitCode({ SLUICE_PORT: port })).toBe(1);
  });

  it("shows a new one from SIGHUP on, and keeps the former where the new one is bad", async () => {
    const program = start(install(certificates.server));
    const url = await program.url();
    expect(await serialShownAt(url)).toBe(serialOf(certificates.server));
    install(certificates.renewed);
    program.process.kill("SIGHUP");
    await program.says("certificate reloaded");
    expect(await serialShownAt(url)).toBe(serialOf(certificates.renewed));
    install({ cert: certificates.server.cert, key: certificates.renewed.key });
    program.process.kill("SIGHUP");
    await program.says("the new certificate cannot be used");
    expect(await serialShownAt(url)).toBe(serialOf(certificates.renewed));
    expect(await statusOf(`${url}/livez`)).toBe(200);
  });

  it("speaks no broken version of TLS after a new one either, also where Node's flags would let it", async () => {
    const flags = "--tls-min-v1.0 --tls-cipher-list=DEFAULT@SECLEVEL=0";
    const program = start({ ...install(certificates.server), NODE_OPTIONS: flags });
    const url = await program.url();
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await expect(statusOf(`${url}/livez`, old)).rejects.toThrow("alert protocol version");
    program.process.kill("SIGHUP");
    await program.says("certificate reloaded");
    await expect(statusOf(`${url}/livez`, old)).rejects.toThrow("alert protocol version");
    expect(await statusOf(`${url}/livez`)).toBe(200);
  });

  it.each([
    ["with another's key", { cert: certificates.server.cert, key: certificates.renewed.key }],
    ["that is none", { cert: certificates.server.key, key: certificates.server.key }],
  ])("%s does not start", async (_what, pair) => {
    const program = start(install(pair));
    expect(await program.ended).toBe(64);
    expect(program.stderr).toMatch(/^sluice: SLUICE_TLS_CERT_FILE and SLUICE_TLS_KEY_FILE must be/);
  });

  it("that is not there does not start", async () => {
    const program = start({ ...install(certificates.server), SLUICE_TLS_CERT_FILE: `${folder.path}/none` });
    expect(await program.ended).toBe(64);
    expect(program.stderr).toMatch(/^sluice: SLUICE_TLS_CERT_FILE: ENOENT/);
  });
});

function statusOf(url: string, options: RequestOptions = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { ca: authority, agent: false, ...options }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode));
    });
    outgoing.once("error", reject).end();
  });
}
