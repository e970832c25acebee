import { connect, type Socket } from "node:net";
import { type Problem, type ServerEvent, SUBPROTOCOL } from "@sluice/client/shapes";
import { until } from "@sluice/testkit";
import { type ClientOptions, WebSocket } from "ws";

const ANSWER_MS = 15_000;

type Answer = Record<string, unknown> & { readonly id: number | string | null; readonly ok: boolean };

/** A session as any program could have it: a plain WebSocket, and JSON. */
export class RawSession {
  readonly socket: WebSocket;
  readonly events: ServerEvent[] = [];
  /** In the order in which they came. */
  readonly answers: Answer[] = [];
  closeCode: number | undefined;
  #ids = 0;
  /** Thousands may wait at once: they are called, and do not look by themselves. */
  readonly #awaited = new Map<unknown, (() => void)[]>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => this.#read(JSON.parse(data.toString())));
    socket.on("close", (code) => {
      this.closeCode = code;
      for (const id of [...this.#awaited.keys()]) this.#call(id);
    });
    socket.on("error", () => {});
  }

  /** Resolves when the sidecar has said its first word. */
  static async open(url: string, options: ClientOptions = {}): Promise<RawSession> {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/session`, SUBPROTOCOL, options);
    const session = new RawSession(socket);
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    await until(() => session.events.length > 0, { what: "the first event" });
    return session;
  }

  /** Asks, and returns the id under which the answer will come. */
  send(message: Record<string, unknown>): number {
    const id = ++this.#ids;
    this.socket.send(JSON.stringify({ id, ...message }));
    return id;
  }

  async answerTo(id: number | string | null): Promise<Answer> {
    await this.#answered(id);
    const answer = this.answers.find((one) => one.id === id);
    if (answer === undefined)
      throw new Error(`the session ended with ${this.closeCode} before ${id} was answered`);
    return answer;
  }

  /** The answer, which must be a success. */
  async ask<Body = Record<string, unknown>>(message: Record<string, unknown>): Promise<Body> {
    const answer = await this.answerTo(this.send(message));
    if (!answer.ok) throw new Error(JSON.stringify(answer.problem));
    return answer as Body;
  }

  /** The problem that the request is refused with. */
  async problemTo(message: Record<string, unknown>): Promise<Problem> {
    return problemOf(await this.answerTo(this.send(message)));
  }

  /** A lease, which is granted at once. */
  async acquire(
    semaphore: string,
    fields: Record<string, unknown> = {},
  ): Promise<{ lease: string; fence: number }> {
    return this.ask({ op: "acquire", semaphore, limit: 1, ...fields });
  }

  async event<Name extends ServerEvent["event"]>(name: Name): Promise<Extract<ServerEvent, { event: Name }>> {
    await until(() => this.events.some(({ event }) => event === name), { what: `the event ${name}` });
    return this.events.find(({ event }) => event === name) as Extract<ServerEvent, { event: Name }>;
  }

  /** As a killed process ends: without a word. */
  vanish(): void {
    this.socket.terminate();
  }

  async goodbye(code = 1000): Promise<void> {
    this.socket.close(code);
    await until(() => this.closeCode !== undefined, { what: "the end of the session" });
  }

  #read(message: ServerEvent | Answer): void {
    if (!("ok" in message)) return void this.events.push(message);
    this.answers.push(message);
    this.#call(message.id);
  }

  /** Resolves when the answer has come, or none can come any more. */
  #answered(id: unknown): Promise<void> {
    if (this.closeCode !== undefined || this.answers.some((answer) => answer.id === id))
      return Promise.resolve();
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no answer to ${id} within ${ANSWER_MS} ms`));
      const timer = setTimeout(late, ANSWER_MS);
      const call = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#awaited.set(id, [...(this.#awaited.get(id) ?? []), call]);
    });
  }

  #call(id: unknown): void {
    for (const call of this.#awaited.get(id) ?? []) call();
    this.#awaited.delete(id);
  }
}

export function problemOf(answer: Answer): Problem {
  if (answer.ok) throw new Error(`a success is no problem: ${JSON.stringify(answer)}`);
  return answer.problem as Problem;
}

/** What is answered to an upgrade that is written by hand. */
export async function upgradeBy(
  url: string,
  headers: Record<string, string>,
  path = "/v1/session",
): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({ host: hostname, port: Number(port) });
  const all: Record<string, string> = {
    host: `${hostname}:${port}`,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-protocol": SUBPROTOCOL,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.on("error", () => {});
  await until(() => text.includes("\r\n\r\n") || socket.destroyed, { what: "an answer to the upgrade" });
  socket.destroy();
  return text;
}
