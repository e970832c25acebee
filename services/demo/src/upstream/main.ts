import type { AddressInfo } from "node:net";
import { createUpstream } from "./server.js";

/** What the upstream's process tells its parent once it listens. */
export interface UpstreamReport {
  readonly port: number;
}

const [limit, taskMs] = process.argv.slice(2).map(Number);
if (!limit || !taskMs) throw new Error("usage: upstream LIMIT TASK_MS");

const server = createUpstream({ limit, taskMs });
server.listen(0, "127.0.0.1", () => {
  const report: UpstreamReport = { port: (server.address() as AddressInfo).port };
  process.send?.(report);
});
