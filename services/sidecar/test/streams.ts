import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { until } from "@sluice/testkit";
import type { CallOptions } from "./http.js";

/** An answer that lasts: what has come of it so far. */
export class OpenStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  text = "";
  ended = false;
  readonly #response: IncomingMessage;

  private constructor(response: IncomingMessage) {
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    response.setEncoding("utf8");
    response.on("data", (chunk) => {
      this.text += chunk;
    });
    response.on("error", () => {});
    response.once("close", () => {
      this.ended = true;
    });
  }

  /** Resolves with the headers. @throws Error where the connection ends before them */
  static open(url: string, method: string, path: string, options: CallOptions = {}): Promise<OpenStream> {
    const { body, headers, signal } = options;
    const type = body === undefined ? {} : { "content-type": "application/json" };
    return new Promise((resolve, reject) => {
      const outgoing = request(`${url}${path}`, {
        method,
        agent: false,
        headers: { ...type, ...headers },
        ...(signal && { signal }),
      });
      outgoing.once("response", (response) => resolve(new OpenStream(response)));
      outgoing.once("error", reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Server-sent events, without comments. */
  get events(): { readonly name: string; readonly data: Record<string, unknown> }[] {
    const found = this.text.matchAll(/^event: (\w+)\ndata: (.*)\n\n/gm);
    return [...found].map(([, name = "", data = ""]) => ({ name, data: JSON.parse(data) }));
  }

  /** Whole lines of JSON. */
  get lines(): Record<string, unknown>[] {
    return this.text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  /** The first event of that name that `suits`, once it has come. */
  async event(
    name: string,
    suits: (data: Record<string, unknown>) => boolean = () => true,
  ): Promise<Record<string, unknown>> {
    const find = () => this.events.find((event) => event.name === name && suits(event.data));
    await until(() => find() !== undefined, { what: `the event ${name}`, timeoutMs: 10_000 });
    return find()?.data ?? {};
  }

  async line(index: number): Promise<Record<string, unknown>> {
    await until(() => this.lines.length > index, { what: `line ${index}`, timeoutMs: 10_000 });
    return this.lines[index] ?? {};
  }

  /** Reads nothing more, and leaves what comes to the kernel's buffers. */
  stopReading(): void {
    this.#response.pause();
  }

  async end(): Promise<void> {
    await until(() => this.ended, { what: "the end of the stream" });
  }

  hangUp(): void {
    this.#response.destroy();
  }
}
