import { once } from "node:events";
import { createServer } from "node:http";
import { UsageError } from "../settings.js";
import type { Tally } from "./tally.js";

/**
 * Says on `port` of loopback how the load is: 200 while tasks are done, else 503, with the counts as JSON. It keeps no
 * process alive.
 *
 * @throws UsageError where the port cannot be had
 */
export async function serveStatus(port: number, tally: Tally): Promise<void> {
  const server = createServer((request, response) => {
    request.resume();
    const { isWorking, done, timedOut, failed, killed, refused } = tally.standing();
    response.writeHead(isWorking ? 200 : 503, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ isWorking, done, timedOut, failed, killed, refused }));
  });
  server.listen(port, "127.0.0.1").unref();
  await once(server, "listening").catch((error: Error) => {
    throw new UsageError(`--status-port: ${error.message}`, { cause: error });
  });
}
