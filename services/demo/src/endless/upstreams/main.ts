import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createUpstream } from "../../upstream/server.js";
import { workloads } from "../workloads.js";

/** What the process of the upstreams tells its parent once they listen: their ports, in the order of the workloads. */
export interface UpstreamsReport {
  readonly ports: readonly number[];
}

/** Half to one and a half times as long, so that work mixes as it does elsewhere. */
const about = (ms: number) => sleep(ms * (0.5 + Math.random()));

const ports = await Promise.all(
  workloads.map(async (workload) => {
    const server = createUpstream(workload, about).listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }),
);
// Where all processes are told to end, the workers finish their calls first; this one ends with its parent.
process.on("SIGTERM", () => {});

const report: UpstreamsReport = { ports };
process.send?.(report);
