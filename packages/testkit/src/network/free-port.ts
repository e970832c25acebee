import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** No system's ephemeral ports, so that nobody else is given one of them meanwhile; servers of Redis have others. */
const ports = { from: 10_000, to: 20_000 };

/** A port of loopback at which nobody listens, for whoever wants to listen there later, or again. */
export async function freePort(): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const port = randomInt(ports.from, ports.to);
    const server = createServer();
    server.listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
      server.close();
      await once(server, "close");
      return port;
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}
