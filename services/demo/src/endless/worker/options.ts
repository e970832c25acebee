import { parseArgs } from "node:util";

/** What a worker is told by its parent; its token comes in SLUICE_TOKEN, where `ps` does not show it. */
export interface WorkerOptions {
  /** What operators see: its label as a holder. */
  readonly name: string;
  readonly sidecar: string;
  /** Addresses of the upstreams, in the order of the workloads. */
  readonly upstreams: readonly string[];
  /** When it kills itself while it holds a permit, in milliseconds; undefined: never. */
  readonly diesAfterMs: number | undefined;
}

export function toArgs({ name, sidecar, upstreams, diesAfterMs }: WorkerOptions): string[] {
  const args = ["--name", name, "--sidecar", sidecar, "--upstreams", upstreams.join(",")];
  return diesAfterMs === undefined ? args : [...args, "--dies-after-ms", `${diesAfterMs}`];
}

/** The inverse of `toArgs`. */
export function fromArgs(args: readonly string[]): WorkerOptions {
  const text = { type: "string" } as const;
  const options = { name: text, sidecar: text, upstreams: text, "dies-after-ms": text };
  const { values } = parseArgs({ args: [...args], options });
  const { name = "", sidecar = "", upstreams = "", "dies-after-ms": diesAfterMs } = values;
  return {
    name,
    sidecar,
    upstreams: upstreams.split(","),
    diesAfterMs: diesAfterMs === undefined ? undefined : Number(diesAfterMs),
  };
}
