import { releaseAnswer, renewAnswer } from "@sluice/client/shapes";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Sidecar } from "../src/sidecar.js";
import { call } from "./http.js";
import { startTestSidecar } from "./sidecars.js";

const path = "/v1/semaphores/api";

let sidecar: Sidecar;

beforeEach(async () => {
  sidecar = await startTestSidecar();
  await call(sidecar.url, "PUT", path, { body: { limit: 3 } });
});

afterEach(() => sidecar.close());

const post = (what: string, body: object) => call(sidecar.url, "POST", `${path}/${what}`, { body });

const acquire = async (body: object = {}) => String((await post("acquire", body)).body.lease);

const revoke = (lease: string) => call(sidecar.url, "DELETE", `${path}/leases/${lease}`);

describe("release", () => {
  it("says whether the lease was held until then", async () => {
    const lease = await acquire();
    for (const released of [true, false]) {
      const { status, body } = await post("release", { lease });
      expect(status).toBe(200);
      expect(releaseAnswer.strict().parse(body)).toEqual({ released });
    }
  });

  it("knows nothing of a lease of a semaphore that does not exist", async () => {
    const { status, body } = await call(sidecar.url, "POST", "/v1/semaphores/none/release", {
      body: { lease: "a" },
    });
    expect({ status, body }).toEqual({ status: 200, body: { released: false } });
  });
});

describe("renew", () => {
  it("answers for each lease, in the order of the request", async () => {
    const short = await acquire({ leaseMs: 5_000 });
    const long = await acquire({ leaseMs: 8_000 });
    const revoked = await acquire();
    await revoke(revoked);
    const { status, body } = await post("renew", { leases: [long, "never-granted", revoked, short] });
    expect(status).toBe(200);
    const { leases } = renewAnswer.parse(body);
    expect(leases).toMatchObject([
      { lease: long, renewed: true },
      { lease: "never-granted", renewed: false, expiresInMs: 0, reason: "lapsed" },
      { lease: revoked, renewed: false, expiresInMs: 0, reason: "revoked" },
      { lease: short, renewed: true },
    ]);
    expect(leases[0]?.expiresInMs).toBeGreaterThan(7_000);
    expect(leases[0]?.expiresInMs).toBeLessThanOrEqual(8_000);
    expect(leases[3]?.expiresInMs).toBeLessThanOrEqual(5_000);
  });

  it("renews for as long as it is told to", async () => {
    const lease = await acquire({ leaseMs: 5_000 });
    const { leases } = renewAnswer.parse((await post("renew", { leases: [lease], leaseMs: 9_000 })).body);
    expect(leases[0]?.expiresInMs).toBeGreaterThan(8_000);
  });

  it("carries a thousand leases with the longest ids", async () => {
    const leases = Array.from({ length: 1_000 }, (_, index) => String(index).padStart(128, "x"));
    const { status, body } = await post("renew", { leases });
    expect(status).toBe(200);
    expect(renewAnswer.parse(body).leases).toHaveLength(1_000);
  });
});

describe("revoking a lease", () => {
  it("keeps it from being renewed, and leaves its permits to it until it ends", async () => {
    const lease = await acquire();
    const { status, text } = await revoke(lease);
    expect({ status, text }).toEqual({ status: 204, text: "" });
    expect(await sidecar.store.inspect("api")).toMatchObject({ inUse: 1, revocationsTotal: 1 });
    expect((await post("release", { lease })).body).toEqual({ released: true });
    expect((await revoke(lease)).status).toBe(404);
  });
});
