import { createConnection, type Socket } from "node:net";
import { FrameSplitter } from "../resp/frames.js";
import { decodeFrame, encodeRequest, type RespValue } from "../resp/values.js";

export interface AskOptions {
  /** For connecting and for the answer together; 2,000 when left out. */
  readonly timeoutMs?: number;
}

/**
 * The reply of the server at `port` to one command, over a connection of its own.
 *
 * @throws Error on an error reply, and when no reply came within `timeoutMs`
 */
export async function askRedis(
  port: number,
  words: readonly (string | number)[],
  { timeoutMs = 2_000 }: AskOptions = {},
): Promise<RespValue> {
  const socket = createConnection({ host: "127.0.0.1", port });
  const timer = setTimeout(() => {
    socket.destroy(new Error(`Redis at port ${port} did not answer ${words[0]} within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    socket.write(encodeRequest(words));
    const reply = decodeFrame(await firstFrame(socket));
    if (reply instanceof Error) throw reply;
    return reply;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function firstFrame(socket: Socket): Promise<Buffer> {
  const splitter = new FrameSplitter();
  for await (const chunk of socket) {
    const [frame] = splitter.push(chunk);
    if (frame) return frame;
  }
  throw new Error("the server closed the connection before it answered");
}
