import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Deployment, IDeployment } from "kubernetes-models/apps/v1";
import type { INetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import type { IPodDisruptionBudget } from "kubernetes-models/policy/v1";
import type { IConfigMap, IContainer, INamespace, IProbe, ISecret, IService } from "kubernetes-models/v1";
import { parseAllDocuments } from "yaml";
import { root } from "../../toolchain/places.mjs";

export type { IContainer as Container, IProbe as Probe };

interface Kinds {
  readonly ConfigMap: IConfigMap;
  readonly Deployment: IDeployment;
  readonly Namespace: INamespace;
  readonly NetworkPolicy: INetworkPolicy;
  readonly PodDisruptionBudget: IPodDisruptionBudget;
  readonly Secret: ISecret;
  readonly Service: IService;
}

export type Kind = keyof Kinds;
export type Manifest = Kinds[Kind];
export type PodSpec = NonNullable<NonNullable<Deployment["spec"]>["template"]["spec"]>;

const folder = join(root, "docs/kubernetes");

/** The files of docs/kubernetes. */
export const manifestFiles: readonly string[] = readdirSync(folder).sort();

/** Everything that a file describes. */
export function manifestsIn(file: string): Manifest[] {
  const found = parseAllDocuments(readFileSync(join(folder, file), "utf8"));
  return found.map((one) => {
    if (one.errors.length > 0) throw one.errors[0];
    return one.toJS();
  });
}

/** The one of this kind. */
export function theOnly<Name extends Kind>(file: string, kind: Name): Kinds[Name] {
  const found = manifestsIn(file).filter((manifest) => manifest.kind === kind);
  if (found.length !== 1) throw new Error(`${file} has ${found.length} of ${kind}`);
  return found[0] as Kinds[Name];
}

export function podOf({ spec }: IDeployment): PodSpec {
  if (spec?.template.spec === undefined) throw new Error("the deployment has no pod");
  return spec.template.spec;
}

/** The container that runs our image: where the pod has one of its own for the program, it is an init container. */
export function sidecarIn(pod: PodSpec): IContainer {
  const found = [...(pod.initContainers ?? []), ...pod.containers].find(({ image }) =>
    image?.includes("/sluice-"),
  );
  if (found === undefined) throw new Error("no container runs a sidecar");
  return found;
}

/** The number of a port that may be given by its name. */
export function portOf({ ports }: IContainer, port: number | string | undefined): number | undefined {
  return typeof port === "number" ? port : ports?.find(({ name }) => name === port)?.containerPort;
}

/** How long the kubelet waits before SIGTERM. */
export function secondsBeforeTheEnd({ lifecycle }: IContainer): number {
  const [program, seconds] = lifecycle?.preStop?.exec?.command ?? ["sleep", "0"];
  if (program !== "sleep") throw new Error(`nobody knows how long ${program} takes`);
  return Number(seconds);
}

/** What else Kubernetes knows when it makes the environment of a container. */
export interface Cluster {
  readonly podIp: string;
  readonly secret: Readonly<Record<string, string>>;
}

/**
 * The environment of a container, as the kubelet makes it: of the Services beside the pod unless it wants none, then its
 * own, with references by name, and `$(…)` of what stands above.
 */
export function environmentOf(
  { env = [] }: IContainer,
  { enableServiceLinks }: PodSpec,
  { podIp, secret }: Cluster,
): Record<string, string> {
  const made: Record<string, string> = enableServiceLinks === false ? {} : serviceLinks();
  for (const { name, value, valueFrom } of env) {
    const { fieldRef, secretKeyRef } = valueFrom ?? {};
    if (secretKeyRef !== undefined) made[name] = secret[secretKeyRef.key] ?? "";
    else if (fieldRef?.fieldPath === "status.podIP") made[name] = podIp;
    else made[name] = (value ?? "").replace(/\$\((\w+)\)/g, (kept, other) => made[other] ?? kept);
  }
  return made;
}

/** The variables by which containers find the Services of their namespace, in the way of Docker's old links. */
function serviceLinks(): Record<string, string> {
  const services = manifestFiles.flatMap(manifestsIn).filter(({ kind }) => kind === "Service") as IService[];
  const variables = services.flatMap(({ metadata, spec }) => {
    const name = (metadata?.name ?? "").toUpperCase().replaceAll("-", "_");
    const port = spec?.ports?.[0]?.port;
    return [
      [`${name}_SERVICE_HOST`, "10.96.0.10"],
      [`${name}_SERVICE_PORT`, `${port}`],
      [`${name}_PORT`, `tcp://10.96.0.10:${port}`],
    ];
  });
  return Object.fromEntries(variables);
}
