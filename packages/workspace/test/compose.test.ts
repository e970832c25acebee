import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { secretFiles } from "../compose/secrets.mjs";
import { root } from "../toolchain/places.mjs";
import { Dockerfile } from "./compose/dockerfile.js";
import {
  type Compose,
  compose,
  mountsOf,
  publicationsOf,
  type Service,
  type ServiceName,
  serviceNames,
  sidecarNames,
} from "./compose/file.js";
import { faultsOf } from "./compose/schema.js";

// No Docker engine runs here: what can be known without one is checked.

const services = Object.entries(compose.services) as [ServiceName, Service][];
const built = services.filter(([, { build }]) => build !== undefined);

/** Names that services refer to, each once. */
function used(names: (service: Service) => readonly string[]): string[] {
  return [...new Set(services.flatMap(([, service]) => names(service)))].sort();
}

describe("docker-compose.yml", () => {
  it("is what the Compose specification describes", () => {
    expect(faultsOf(compose)).toEqual([]);
  });

  it.each([
    ["a word that it does not know", { restrat: "no" }, "restrat"],
    ["a value of another kind", { pids_limit: ["256"] }, "pids_limit"],
    ["a condition that it does not have", { depends_on: { redis: { condition: "healthy" } } }, "condition"],
  ])("would be told of %s", (_what, mistake, place) => {
    const { redis } = compose.services;
    expect(faultsOf({ ...compose, services: { redis: { ...redis, ...mistake } } }).join("\n")).toContain(
      place,
    );
  });

  it("brings up Redis, two sidecars, Prometheus, Grafana and something to do", () => {
    expect(serviceNames).toEqual(["redis", "sidecar-a", "sidecar-b", "demo", "prometheus", "grafana"]);
  });

  it("names networks, volumes and secrets that it declares, and declares no others", () => {
    const volumes = (service: Service) =>
      mountsOf(service).flatMap(({ isBind, source }) => (isBind ? [] : [source]));
    expect(used(({ networks }) => networks)).toEqual(Object.keys(compose.networks).sort());
    expect(used(volumes)).toEqual(Object.keys(compose.volumes).sort());
    expect(used(({ secrets = [] }) => secrets)).toEqual(Object.keys(compose.secrets).sort());
  });

  it("takes its secrets from files that npm run secrets makes", () => {
    const files = Object.values(compose.secrets).map(({ file }) => file.replace("./", ""));
    // The token of people is for their hands: no container needs it.
    const { onCall, ...ofContainers } = secretFiles;
    expect(files.sort()).toEqual(Object.values(ofContainers).sort());
    expect(files).not.toContain(onCall);
  });

  it.each(built)("builds %s from files that are there", (_name, { build }) => {
    const { context = "", dockerfile = "" } = build ?? {};
    for (const path of [context, dockerfile, `${dockerfile}.dockerignore`])
      expect(existsSync(join(root, path)), path).toBe(true);
  });

  it.each(services)("mounts into %s what is there, to be read alone", (_name, service) => {
    for (const { source, isBind, isReadOnly } of mountsOf(service)) {
      expect(isReadOnly, source).toBe(isBind);
      if (isBind) expect(existsSync(join(root, source)), source).toBe(true);
    }
  });

  it("pins the images that it takes", () => {
    const images = services.flatMap(([, { image, build }]) =>
      build === undefined ? [image] : new Dockerfile(build.dockerfile).images,
    );
    for (const image of images) expect(image).toMatch(/^[a-z/]+:v?\d+\.\d+\.\d+(-[a-z][a-z0-9.-]*)?$/);
  });
});

describe("the services of docker-compose.yml", () => {
  it("are reached from this host alone, each at a port of its own", () => {
    const published = services.flatMap(([, service]) => publicationsOf(service));
    for (const { address } of published) expect(address).toBe("127.0.0.1");
    const ports = published.map(({ port }) => port).sort();
    expect(ports).toEqual([3000, 7077, 7078, 9090]);
  });

  it("cannot reach Redis, but for the sidecars, and Redis reaches nothing else", () => {
    const neighbours = serviceNames.filter((name) => sharesNetwork(name, "redis"));
    expect(neighbours).toEqual(["redis", ...sidecarNames]);
    for (const network of compose.services.redis.networks)
      expect(compose.networks[network]).toEqual({ internal: true });
  });

  it("reach each other where they must, and nobody else", () => {
    expect(serviceNames.filter((name) => sharesNetwork(name, "grafana"))).toEqual(["prometheus", "grafana"]);
    for (const name of ["demo", "prometheus"] as const)
      for (const sidecar of sidecarNames) expect(sharesNetwork(name, sidecar)).toBe(true);
  });

  it.each(services)("%s waits for others until these are healthy", (name, { depends_on = {} }) => {
    for (const [other, { condition }] of Object.entries(depends_on)) {
      expect(condition, other).toBe("service_healthy");
      expect(sharesNetwork(name, other as ServiceName), other).toBe(true);
    }
  });

  it.each(services)(
    "%s is asked for its health by a command without a shell, within a time",
    (_name, service) => {
      const { test, ...times } = service.healthcheck;
      expect(test[0]).toBe("CMD");
      expect(times).toEqual({
        interval: expect.stringMatching(/^\d+s$/),
        timeout: expect.stringMatching(/^\d+s$/),
        start_period: expect.stringMatching(/^\d+s$/),
        retries: 3,
      });
    },
  );

  it.each(services)("%s may do no more than it must", (_name, service) => {
    expect(service).toMatchObject({
      restart: "unless-stopped",
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      pids_limit: 256,
      mem_limit: expect.stringMatching(/^\d+m$/),
      logging: { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } },
    });
    expect(service).not.toHaveProperty("privileged");
    expect(service.user ?? "").not.toMatch(/^(root|0)\b/);
  });

  it.each(services)(
    "%s has no secret in its environment or command",
    (_name, { environment = {}, command = [] }) => {
      const secretive = Object.keys(environment).filter((name) => /TOKEN|PASSWORD|SECRET|KEY/.test(name));
      for (const name of secretive) expect(environment[name], name).toMatch(/^\/run\/secrets\/\w+$/);
      for (const argument of command) expect(argument).not.toMatch(/password|requirepass/);
    },
  );
});

function sharesNetwork(one: ServiceName, other: ServiceName): boolean {
  const networks: Compose["services"][ServiceName]["networks"] = compose.services[other].networks;
  return compose.services[one].networks.some((network) => networks.includes(network));
}
