import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSettings } from "@sluice/sidecar";
import { spawnNode, startRedis, until } from "@sluice/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { readDeclarations } from "../../../services/sidecar/dist/config/declarations.js";
import { readTokens } from "../../../services/sidecar/dist/settings/tokens.js";
import { root } from "../toolchain/places.mjs";
import { Dockerfile } from "./compose/dockerfile.js";
import { announcedPort } from "./docs/servers.js";
import { statusOf } from "./kubernetes/asking.js";
import {
  environmentOf,
  type Manifest,
  manifestFiles,
  manifestsIn,
  type PodSpec,
  podOf,
  portOf,
  secondsBeforeTheEnd,
  sidecarIn,
  theOnly,
} from "./kubernetes/manifests.js";
import { faultOf, typeFaultsOf } from "./kubernetes/schemas.js";

// No cluster runs here: the manifests are checked against what Kubernetes publishes and against each other, and what
// they have the sidecar do is done without one.

const { version } = JSON.parse(readFileSync(join(root, "services/sidecar/package.json"), "utf8"));
const image = new Dockerfile("services/sidecar/Dockerfile");
const [, ...healthCheck] = image.healthCheck;
const known = [
  ...readFileSync(join(root, "services/sidecar/src/settings.ts"), "utf8").matchAll(/"([A-Z_]+)"/g),
].map(([, name = ""]) => name);
const secret = theOnly("secret.yaml", "Secret");
const configMap = theOnly("deployment.yaml", "ConfigMap");
const deployment = theOnly("deployment.yaml", "Deployment");
const cluster = { podIp: "10.244.1.7", secret: secret.stringData ?? {} };

const pods: readonly (readonly [name: string, pod: PodSpec])[] = [
  ["a Deployment", podOf(deployment)],
  ["a pod's sidecar", podOf(theOnly("sidecar.yaml", "Deployment"))],
];

const folder = mkdtempSync(join(tmpdir(), "sluice-kubernetes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the published schemas of Kubernetes", () => {
  const all = manifestFiles.flatMap((file) => manifestsIn(file).map((manifest) => ({ file, manifest })));

  it.each(all)("admit $manifest.kind of $file", ({ manifest }) => {
    expect(faultOf(manifest)).toBeUndefined();
  });

  it("know every field of all of them, and would tell a mistyped one", { timeout: 60_000 }, async () => {
    expect(await typeFaultsOf(all.map(({ manifest }) => manifest))).toBe("");
    const mistyped = JSON.parse(
      JSON.stringify(deployment).replace("failureThreshold", "failureTreshold"),
    ) as Manifest;
    expect(await typeFaultsOf([mistyped])).toContain("failureTreshold");
  });

  it("would tell a value of a wrong kind", () => {
    expect(
      faultOf({ ...deployment, spec: { ...deployment.spec, replicas: "two" } } as unknown as Manifest),
    ).toContain("replicas");
  });
});

describe.each(pods)("as %s", (_name, pod) => {
  const sidecar = sidecarIn(pod);
  const environment = environmentOf(sidecar, pod, cluster);
  const settings = readSettings({ ...image.environment, ...environment });

  it("the sidecar is of this version", () => {
    expect(sidecar.image).toMatch(new RegExp(`/sluice-sidecar:${version}$`));
  });

  it("its variables are known, and it takes their values", () => {
    const own = Object.keys(environment).filter((name) => name !== "POD_IP");
    expect(known).toEqual(expect.arrayContaining(own));
    expect(settings.redisUrl).toBe(cluster.secret["redis-url"]);
  });

  it("it has time to drain before it is killed", () => {
    const seconds = (pod.terminationGracePeriodSeconds ?? 0) - secondsBeforeTheEnd(sidecar);
    expect(seconds * 1_000).toBeGreaterThan(settings.drainMs);
  });

  it("no Service beside it, ours for one, gives it variables that it would take for settings", () => {
    const links = environmentOf(sidecar, { ...pod, enableServiceLinks: true }, cluster);
    expect(() => readSettings(links)).toThrow("SLUICE_PORT");
    expect(environment).not.toHaveProperty("SLUICE_PORT");
  });

  it("no container runs as root, gains rights, or has capabilities", () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(`${pod.securityContext?.runAsUser}:${pod.securityContext?.runAsGroup}`).toBe(image.user);
    for (const { securityContext } of [...(pod.initContainers ?? []), ...pod.containers])
      expect(securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
      });
    expect(sidecar.securityContext?.readOnlyRootFilesystem).toBe(true);
  });

  it("no secret but the URL of Redis is a variable", () => {
    const secrets = (sidecar.env ?? []).filter(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined);
    expect(secrets.map(({ name }) => name)).toEqual(["REDIS_URL"]);
    expect(secrets.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name)).toEqual([secret.metadata?.name]);
    expect(settings.token).toBeUndefined();
  });

  it("it is asked where it listens, with more patience than it needs to find out", () => {
    for (const probe of [sidecar.startupProbe, sidecar.readinessProbe, sidecar.livenessProbe]) {
      if (probe === undefined) continue;
      if (settings.host === "127.0.0.1") expect(probe.exec?.command).toEqual(healthCheck);
      else expect(portOf(sidecar, probe.httpGet?.port)).toBe(settings.port);
    }
    // Longer than the 2.5 s after which the health check of the image gives up.
    expect(sidecar.readinessProbe?.timeoutSeconds).toBeGreaterThan(2);
  });
});

describe("a pod's sidecar", () => {
  const [, pod] = pods[1] ?? expect.unreachable();
  const sidecar = sidecarIn(pod);

  it("starts before the program and outlives it, on loopback, where the program calls it", () => {
    expect(pod.initContainers).toContain(sidecar);
    expect(sidecar.restartPolicy).toBe("Always");
    const { host, port } = readSettings(environmentOf(sidecar, pod, cluster));
    expect(pod.containers[0]?.env).toEqual([{ name: "SLUICE_URL", value: `http://${host}:${port}` }]);
  });

  it("is ready by the command that its probes run", { timeout: 60_000 }, async () => {
    const env = { ...environmentOf(sidecar, pod, cluster), REDIS_URL: "" };
    const program = spawnNode(join(root, "services/sidecar/dist/main.js"), [], {
      env: { ...env, SLUICE_PORT: "0" },
    });
    const probe = async () => healthCheckIn({ ...env, SLUICE_PORT: `${await announcedPort(program)}` });
    try {
      await until(async () => (await probe()) === 0, { what: "the probe", timeoutMs: 40_000 });
    } finally {
      await program.kill();
    }
    expect(await probe()).toBe(1);
  });
});

describe("a Deployment", () => {
  const [, pod] = pods[0] ?? expect.unreachable();
  const sidecar = sidecarIn(pod);

  it("belongs to everything that selects its pods, in one namespace", () => {
    const labels = deployment.spec?.template.metadata?.labels ?? {};
    const policy = theOnly("deployment.yaml", "NetworkPolicy").spec;
    const selectors = [
      deployment.spec?.selector.matchLabels,
      theOnly("deployment.yaml", "Service").spec?.selector,
      theOnly("deployment.yaml", "PodDisruptionBudget").spec?.selector?.matchLabels,
      policy?.podSelector?.matchLabels,
      pod.topologySpreadConstraints?.[0]?.labelSelector?.matchLabels,
    ];
    for (const selector of selectors) expect(labels).toMatchObject(selector ?? expect.unreachable());
    const namespaces = [...manifestsIn("deployment.yaml"), secret].map(({ metadata }) => metadata?.namespace);
    expect(new Set(namespaces)).toEqual(new Set([theOnly("namespace.yaml", "Namespace").metadata?.name]));
  });

  it("is reached through the Service by names that it answers to", () => {
    const { metadata, spec } = theOnly("deployment.yaml", "Service");
    expect(portOf(sidecar, spec?.ports?.[0]?.targetPort)).toBe(7077);
    const name = `${metadata?.name}.${metadata?.namespace}`;
    const { allowedHosts } = readSettings(environmentOf(sidecar, pod, cluster));
    expect(allowedHosts).toEqual([
      ...[metadata?.name, name, `${name}.svc`, `${name}.svc.cluster.local`],
      cluster.podIp,
    ]);
  });

  it("keeps a sidecar while others are replaced or moved", () => {
    const least = theOnly("deployment.yaml", "PodDisruptionBudget").spec?.minAvailable;
    expect(deployment.spec?.replicas).toBeGreaterThan(Number(least));
    expect(deployment.spec?.strategy?.rollingUpdate?.maxUnavailable).toBe(0);
  });

  it("lets in those who call it, and is let out to names and to its Redis alone", () => {
    const { ingress, egress } = theOnly("deployment.yaml", "NetworkPolicy").spec ?? {};
    expect(ingress?.flatMap(({ ports }) => ports).map((one) => portOf(sidecar, one?.port))).toEqual([7077]);
    const redis = Number(new URL(cluster.secret["redis-url"] ?? "").port);
    expect(egress?.flatMap(({ ports }) => ports).map((one) => one?.port)).toEqual([53, 53, redis]);
    const [client] = ingress?.[0]?.from ?? [];
    const documentation = readFileSync(join(root, "docs/kubernetes.md"), "utf8");
    for (const [label, value] of Object.entries(client?.namespaceSelector?.matchLabels ?? {}))
      expect(documentation).toContain(`\`${label}: "${value}"\``);
  });

  it("still listens for a while where callers may not know yet that it ends", () => {
    expect(secondsBeforeTheEnd(sidecar)).toBeGreaterThanOrEqual(5);
  });

  it("mounts the objects that are there, where its settings look for them", () => {
    expect(Object.keys(mountedFiles())).toEqual([
      "/etc/sluice/secret/tokens.yaml",
      "/etc/sluice/config/semaphores.yaml",
    ]);
    const { tokensFile, configFile } = readSettings(environmentOf(sidecar, pod, cluster));
    expect(Object.keys(mountedFiles())).toEqual([tokensFile, configFile]);
    // Written with eight as its base: YAML has had two ways to say that.
    expect(pod.volumes?.[0]?.secret?.defaultMode).toBe(0o440);
    expect(pod.securityContext?.fsGroup).toBe(pod.securityContext?.runAsGroup);
  });

  it("accepts no token before somebody has filled in another", () => {
    const text = mountedFiles()["/etc/sluice/secret/tokens.yaml"] ?? "";
    expect(() => readTokens({ token: undefined, tokensFile: written("tokens.yaml", text) })).toThrow(
      "16 to 512",
    );
    const tokens = readTokens({ token: undefined, tokensFile: written("tokens.yaml", filledIn(text)) });
    expect(tokens.map(({ name }) => name)).toEqual(["checkout", "prometheus", "on-call"]);
  });

  it("declares semaphores that a sidecar takes", () => {
    const file = written("semaphores.yaml", mountedFiles()["/etc/sluice/config/semaphores.yaml"] ?? "");
    expect([...readDeclarations(file, 15_000).keys()]).toEqual(["openai", "batch"]);
  });

  it("runs with its variables and files, and passes its probes as the kubelet sends them", {
    timeout: 60_000,
  }, async () => {
    await using redis = await startRedis();
    const files = Object.entries(mountedFiles()).map(
      ([path, text]) => [path, written(path, filledIn(text))] as const,
    );
    const real = environmentOf(sidecar, pod, { ...cluster, secret: { "redis-url": redis.url } });
    const env = Object.fromEntries(
      Object.entries(real).map(([name, value]) => [
        name,
        files.find(([path]) => path === value)?.[1] ?? value,
      ]),
    );
    const others = { ...image.environment, SLUICE_PORT: "0", SLUICE_ASSUME_FRESH: "1" };
    const program = spawnNode(join(root, "services/sidecar/dist/main.js"), [], {
      env: { ...others, ...env },
    });
    try {
      const port = await announcedPort(program);
      const probe = (path = "", host = cluster.podIp) => statusOf(port, path, `${host}:7077`);
      const { startupProbe, readinessProbe, livenessProbe } = sidecar;
      for (const { httpGet } of [startupProbe, readinessProbe, livenessProbe].flatMap((one) => one ?? [])) {
        await until(async () => (await probe(httpGet?.path)) === 200, {
          what: `${httpGet?.path}`,
          timeoutMs: 40_000,
        });
        expect(await probe(httpGet?.path, "10.244.9.9")).toBe(403);
      }
      expect(await probe("/v1/semaphores/openai", "sluice.sluice.svc")).toBe(401);
      expect(
        await statusOf(port, "/v1/semaphores/openai", "sluice:7077", "REPLACE-THIS-2-with-another"),
      ).toBe(200);
      expect(await statusOf(port, "/metrics", `${cluster.podIp}:7077`, "REPLACE-THIS-2-with-another")).toBe(
        200,
      );
    } finally {
      await program.kill();
    }
  });

  /** The files that its pod finds, by their paths there. */
  function mountedFiles(): Record<string, string> {
    const mounted = (sidecar.volumeMounts ?? []).flatMap(({ name, mountPath }) => {
      const volume = pod.volumes?.find((one) => one.name === name);
      const object =
        volume?.secret?.secretName === secret.metadata?.name ? secret.stringData : configMap.data;
      if (volume?.configMap !== undefined) expect(volume.configMap.name).toBe(configMap.metadata?.name);
      const chosen = volume?.secret?.items?.map(({ key }) => key) ?? Object.keys(object ?? {});
      return chosen.map((key) => [`${mountPath}/${key}`, object?.[key] ?? ""]);
    });
    return Object.fromEntries(mounted);
  }
});

async function healthCheckIn(env: Readonly<Record<string, string>>): Promise<number | null> {
  const [, script = ""] = healthCheck;
  return (await spawnNode(join(root, "services/sidecar", script), [], { env }).exited).code;
}

function written(path: string, text: string): string {
  const file = join(folder, path.split("/").at(-1) ?? "");
  writeFileSync(file, text);
  return file;
}

function filledIn(text: string): string {
  return text.replace(/REPLACE-THIS-\d/g, "$&-with-another");
}
