import { type Child, type Children, firstMessage } from "../children/children.js";
import type { UpstreamReport } from "./main.js";
import type { UpstreamOptions, UpstreamStats } from "./server.js";

/** An upstream in a process of its own. */
export interface Upstream {
  readonly child: Child;
  readonly url: string;
  stats(): Promise<UpstreamStats>;
}

export async function startUpstream(
  children: Children,
  { limit, taskMs }: UpstreamOptions,
): Promise<Upstream> {
  const child = children.fork(new URL("main.js", import.meta.url), [`${limit}`, `${taskMs}`]);
  const { port } = await firstMessage<UpstreamReport>(child, "the upstream");
  const url = `http://127.0.0.1:${port}`;
  const stats = async () => (await (await fetch(`${url}/stats`)).json()) as UpstreamStats;
  return { child, url, stats };
}
