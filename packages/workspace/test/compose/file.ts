import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { root } from "../../toolchain/places.mjs";

/** What this repository's docker-compose.yml says of a service: always in the form that it has there. */
export interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly user?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly secrets?: readonly string[];
  readonly networks: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck: { readonly test: readonly string[]; readonly [time: string]: unknown };
  readonly stop_grace_period?: string;
  readonly mem_limit?: string;
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly pids_limit?: number;
  readonly logging?: { readonly options: Readonly<Record<string, string>> };
}

export type ServiceName = "redis" | "sidecar-a" | "sidecar-b" | "demo" | "prometheus" | "grafana";

export interface Compose {
  readonly services: Readonly<Record<ServiceName, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export const compose: Compose = parse(textOf("docker-compose.yml"), { merge: true });
export const serviceNames = Object.keys(compose.services) as ServiceName[];
export const sidecarNames = ["sidecar-a", "sidecar-b"] as const;

/** @param path from the root */
export function textOf(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** What a service is given where whoever calls Compose has set `caller` alone of the variables that the file passes on. */
export function environmentOf(
  { environment = {} }: Service,
  caller: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const passOn = (value: string) =>
    value.replace(/\$\{(\w+):-(.*?)\}/g, (_, name: string, otherwise: string) => caller[name] || otherwise);
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, passOn(value)]));
}

export interface Mount {
  /** A path from the root, or the name of a volume. */
  readonly source: string;
  readonly target: string;
  readonly isBind: boolean;
  readonly isReadOnly: boolean;
}

export function mountsOf({ volumes = [] }: Service): Mount[] {
  return volumes.map((volume) => {
    const [source = "", target = "", mode] = volume.split(":");
    return { source, target, isBind: source.startsWith("."), isReadOnly: mode === "ro" };
  });
}

export interface Publication {
  readonly address: string;
  readonly port: number;
  /** The port in the container. */
  readonly target: number;
}

export function publicationsOf({ ports = [] }: Service): Publication[] {
  return ports.map((published) => {
    const [address = "", port, target] = published.split(":");
    return { address, port: Number(port), target: Number(target) };
  });
}

/** Where a container finds a secret of the service. */
export function secretPathsOf({ secrets = [] }: Service): string[] {
  return secrets.map((name) => `/run/secrets/${name}`);
}

/** `30s`, as Compose writes it, in milliseconds. */
export function millisecondsOf(duration = ""): number {
  const [, seconds] = /^(\d+)s$/.exec(duration) ?? [];
  return Number(seconds) * 1_000;
}
