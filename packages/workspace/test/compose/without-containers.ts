import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, cpSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, type NodeProcess, type RedisServer, spawnNode, startRedis } from "@sluice/testkit";
import { pathOf } from "@sluice/testkit/prometheus";
import { makeSecrets, secretFiles } from "../../compose/secrets.mjs";
import { root } from "../../toolchain/places.mjs";
import { Dockerfile } from "./dockerfile.js";
import { compose, environmentOf, sidecarNames, textOf } from "./file.js";

type SidecarName = (typeof sidecarNames)[number];

/**
 * The services of docker-compose.yml but Grafana as processes of this host: with the commands, the environment and the
 * configuration of that file, in which addresses in containers are replaced by addresses here.
 */
export class Composition {
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-compose-"));
  readonly #ports: ReadonlyMap<string, number>;
  readonly #redis: RedisServer;
  readonly #nodes = new Map<SidecarName | "demo", NodeProcess>();
  #prometheus: ChildProcess | undefined;

  /** Use `startComposition`. */
  constructor(redis: RedisServer, ports: ReadonlyMap<string, number>) {
    this.#redis = redis;
    this.#ports = ports;
    makeSecrets(this.#folder);
  }

  urlOf(name: SidecarName | "prometheus"): string {
    return `http://127.0.0.1:${this.#ports.get(name)}`;
  }

  /** What whoever may read it in that file finds there. */
  secret(name: keyof typeof secretFiles): string {
    return readFileSync(join(this.#folder, secretFiles[name]), "utf8").trim();
  }

  startSidecars(): void {
    for (const name of sidecarNames) {
      const env = this.#sidecarEnvironment(name);
      this.#nodes.set(name, this.#startNode("sidecar", [], env));
    }
  }

  startDemo(): void {
    const args = (compose.services.demo.command ?? []).map((argument) => this.#placed(argument));
    this.#nodes.set("demo", this.#startNode("demo", args, {}));
  }

  startPrometheus(): void {
    const folder = join(this.#folder, "prometheus");
    cpSync(join(root, "services/prometheus/rules"), join(folder, "rules"), { recursive: true });
    writeFileSync(join(folder, "prometheus.yml"), this.#placed(textOf("services/prometheus/prometheus.yml")));
    const flags = (compose.services.prometheus.command ?? []).map((flag) => this.#placed(flag));
    const address = `--web.listen-address=127.0.0.1:${this.#ports.get("prometheus")}`;
    const log = openSync(join(this.#folder, "prometheus.log"), "w");
    this.#prometheus = spawn(pathOf("prometheus"), [...flags, address], { stdio: ["ignore", log, log] });
    closeSync(log);
  }

  /** The exit code of what a container of this service asks itself. */
  async healthCheckOf(name: SidecarName | "demo"): Promise<number | null> {
    const [, , file = "", ...args] = compose.services[name].healthcheck.test;
    const folder = name === "demo" ? "demo" : "sidecar";
    const env = name === "demo" ? {} : this.#sidecarEnvironment(name);
    const placed = args.map((argument) => this.#placed(argument));
    return (await spawnNode(join(root, "services", folder, file), placed, { env }).exited).code;
  }

  /** What a service has printed. */
  talkOf(name: SidecarName | "demo"): string {
    return this.#nodes.get(name)?.talk ?? "";
  }

  /** Asks a service to end, and resolves with its exit code once it has. */
  async end(name: SidecarName | "demo" | "prometheus"): Promise<number | null> {
    if (name === "prometheus") {
      const exit = once(this.#prometheus as ChildProcess, "exit");
      this.#prometheus?.kill("SIGTERM");
      return (await exit)[0];
    }
    const node = this.#nodes.get(name);
    node?.signal("SIGTERM");
    return (await node?.exited)?.code ?? null;
  }

  /** Ends what still runs, and deletes what it left. */
  async stop(): Promise<void> {
    this.#prometheus?.kill("SIGKILL");
    await Promise.all([...this.#nodes.values()].map((node) => node.kill()));
    await this.#redis.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #sidecarEnvironment(name: SidecarName): Record<string, string> {
    const inCompose = environmentOf(compose.services[name], { SLUICE_ASSUME_FRESH: "1" });
    const image = new Dockerfile("services/sidecar/Dockerfile").environment;
    const placed = Object.entries({ ...image, ...inCompose }).map(([key, value]) => [
      key,
      this.#placed(value),
    ]);
    // A network of containers is no network of this host.
    return {
      ...Object.fromEntries(placed),
      SLUICE_HOST: "127.0.0.1",
      SLUICE_PORT: `${this.#ports.get(name)}`,
    };
  }

  #startNode(folder: "sidecar" | "demo", args: readonly string[], env: Record<string, string>): NodeProcess {
    const [, main = ""] = new Dockerfile(`services/${folder}/Dockerfile`).entrypoint;
    return spawnNode(join(root, "services", folder, main), args, { env });
  }

  /** The text with places of this host instead of places in containers. */
  #placed(text: string): string {
    const addresses = sidecarNames.map(
      (name) => [`${name}:7077`, `127.0.0.1:${this.#ports.get(name)}`] as const,
    );
    const secrets = Object.entries(compose.secrets).map(
      ([name, { file }]) => [`/run/secrets/${name}`, join(this.#folder, file)] as const,
    );
    const places = new Map<string, string>([
      ...addresses,
      ...secrets,
      ["redis:6379", `127.0.0.1:${this.#redis.port}`],
      ["localhost:9090", `127.0.0.1:${this.#ports.get("prometheus")}`],
      ["/etc/prometheus", join(this.#folder, "prometheus")],
      ["=/prometheus", `=${join(this.#folder, "data")}`],
      ["7070", `${this.#ports.get("status")}`],
    ]);
    // In one go: what stands there now may look like another place, as the port 17070 does.
    return text.replace(new RegExp([...places.keys()].join("|"), "g"), (there) => places.get(there) ?? there);
  }
}

/** One with a Redis that runs. */
export async function startComposition(): Promise<Composition> {
  const [, ...args] = compose.services.redis.command ?? [];
  const names = [...sidecarNames, "prometheus", "status"];
  const ports = await Promise.all(names.map(async (name) => [name, await freePort()] as const));
  return new Composition(await startRedis({ args }), new Map(ports));
}
