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

/** What else Kubernetes knows when it makes the environment of a container. */
export interface Cluster {
  readonly podIp: string;
  readonly secret: Readonly<Record<string, string>>;
}

/** The environment of a container, as the kubelet makes it: references by name, then `$(…)` of what stands above. */
export function environmentOf({ env = [] }: IContainer, { podIp, secret }: Cluster): Record<string, string> {
  const made: Record<string, string> = {};
  for (const { name, value, valueFrom } of env) {
    const { fieldRef, secretKeyRef } = valueFrom ?? {};
    if (secretKeyRef !== undefined) made[name] = secret[secretKeyRef.key] ?? "";
    else if (fieldRef?.fieldPath === "status.podIP") made[name] = podIp;
    else made[name] = (value ?? "").replace(/\$\((\w+)\)/g, (kept, other) => made[other] ?? kept);
  }
  return made;
}
