import type { ConsoleMessage, Page, Request } from "playwright-core";

export interface Tolerance {
  /** What the browser may complain about, e.g. that a call was refused; nothing when left out. */
  readonly mayLog?: readonly RegExp[];
}

export interface Asked {
  readonly method: string;
  readonly url: string;
}

/**
 * A page that is watched: `dispose` fails where anything went wrong on it, seen or not. Wrong are an error on the
 * console, which is where a violation of the content security policy appears, an error that no code caught, and a
 * request to a host that was not gone to.
 */
export class TestPage {
  readonly page: Page;
  /** Everything that the page has asked for, in order. */
  readonly asked: Asked[] = [];
  readonly #mayLog: readonly RegExp[];
  readonly #origins = new Set<string>();
  readonly #wrongs: string[] = [];

  /** Use `TestBrowser.newPage`. */
  constructor(page: Page, { mayLog = [] }: Tolerance = {}) {
    this.page = page;
    this.#mayLog = mayLog;
    page.on("console", (message) => this.#heard(message));
    page.on("pageerror", (error) => this.#wrongs.push(`uncaught: ${error.message}`));
    page.on("request", (request) => this.#asked(request));
  }

  /** What went wrong so far. */
  get wrongs(): readonly string[] {
    return this.#wrongs;
  }

  /** Opens a URL, whose host the page may speak to from now on. */
  async goTo(url: string): Promise<void> {
    this.#origins.add(new URL(url).origin);
    await this.page.goto(url);
  }

  /** @throws Error that says what went wrong, if anything did */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
    if (this.#wrongs.length > 0) throw new Error(`on the page:\n${this.#wrongs.join("\n")}`);
  }

  #heard(message: ConsoleMessage): void {
    const text = message.text();
    if (message.type() !== "error" || this.#mayLog.some((pattern) => pattern.test(text))) return;
    this.#wrongs.push(`on the console: ${text}`);
  }

  #asked(request: Request): void {
    const url = new URL(request.url());
    this.asked.push({ method: request.method(), url: url.href });
    if (url.protocol === "data:" || this.#origins.has(url.origin)) return;
    this.#wrongs.push(`a request to another host: ${url.href}`);
  }
}
