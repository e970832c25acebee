import { type Child, type Children, firstMessage } from "../../children/children.js";
import type { UpstreamStats } from "../../upstream/server.js";
import type { UpstreamsReport } from "./main.js";

/** The upstreams of all workloads, in one process. */
export interface Upstreams {
  readonly child: Child;
  /** In the order of the workloads. */
  readonly urls: readonly string[];
  /** What each of them has seen. @throws Error where the process has ended */
  stats(): Promise<UpstreamStats[]>;
}

export async function startUpstreams(children: Children): Promise<Upstreams> {
  const child = children.fork(new URL("main.js", import.meta.url));
  const { ports } = await firstMessage<UpstreamsReport>(child, "the upstreams");
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const statsOf = async (url: string) => (await (await fetch(`${url}/stats`)).json()) as UpstreamStats;
  return { child, urls, stats: () => Promise.all(urls.map(statsOf)) };
}
