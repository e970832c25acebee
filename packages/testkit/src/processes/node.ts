import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until } from "../until.js";
import { tieToThisProcess } from "./lifeline.js";

export interface NodeOptions {
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of node itself, before the file. */
  readonly execArgv?: readonly string[];
  /** A program that becomes node, with its arguments, e.g. `["nsenter", "-t", "42", "-n"]`. */
  readonly through?: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Runs a JavaScript file in a Node process of its own, which dies with this one. The two talk in lines of JSON: what
 * the child prints on stdout are its messages; `send` writes to its stdin. What else it prints appears in errors.
 */
export function spawnNode(
  file: string | URL,
  args: readonly string[] = [],
  { env = {}, execArgv = [], through = [] }: NodeOptions = {},
): NodeProcess {
  const path = typeof file === "string" ? file : fileURLToPath(file);
  const [program = process.execPath, ...before] = [...through, process.execPath];
  const child = spawn(program, [...before, ...execArgv, path, ...args], { env: { ...process.env, ...env } });
  tieToThisProcess(child);
  return new NodeProcess(child, path);
}

export class NodeProcess {
  /** Resolves when the process has ended and all of its messages are in. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #file: string;
  readonly #unread: unknown[] = [];
  #talk = "";
  #exit: Exit | undefined;

  /** Use `spawnNode`. */
  constructor(child: ChildProcessWithoutNullStreams, file: string) {
    this.#child = child;
    this.#file = file;
    this.exited = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
    child.stderr.on("data", (chunk) => {
      this.#talk += chunk;
    });
    // A child that was killed reads nothing any more.
    child.stdin.on("error", () => undefined);
    createInterface({ input: child.stdout }).on("line", (line) => this.#receive(line));
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#file} did not start`);
    return this.#child.pid;
  }

  /** What it has printed beside its messages. */
  get talk(): string {
    return this.#talk;
  }

  /**
   * The first unread message that `matches` accepts (any, when left out); it counts as read then.
   *
   * @throws Error with the child's stderr when it ends first, or says nothing of the kind for `timeoutMs` (10,000)
   */
  async next<Message>(
    matches: (message: Message) => boolean = () => true,
    { timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {},
  ): Promise<Message> {
    const position = () => this.#unread.findIndex((message) => matches(message as Message));
    await until(() => position() >= 0 || this.#exit, { what: `a message of ${this.#file}`, timeoutMs }).catch(
      (error: Error) => {
        throw new Error(`${error.message}\n${this.#talk}`);
      },
    );
    const found = position();
    if (found < 0) throw new Error(`${this.#ending()} before it said what was waited for\n${this.#talk}`);
    return this.#unread.splice(found, 1)[0] as Message;
  }

  /** All messages that have arrived and were not read; they count as read then. */
  drain<Message>(): Message[] {
    return this.#unread.splice(0) as Message[];
  }

  send(message: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Resolves when the process ends with code 0. @throws Error with its stderr when it ends otherwise, or not in time */
  async finished({ timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    await until(() => this.#exit, { what: `the end of ${this.#file}`, timeoutMs });
    if (this.#exit?.code !== 0) throw new Error(`${this.#ending()}\n${this.#talk}`);
  }

  /** Ends it at once (`kill -9`), and resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Stops the process in its tracks, until `resume`. */
  pause(): void {
    this.signal("SIGSTOP");
  }

  resume(): void {
    this.signal("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #receive(line: string): void {
    try {
      this.#unread.push(JSON.parse(line));
    } catch {
      this.#talk += `${line}\n`;
    }
  }

  #ending(): string {
    return `${this.#file} ended with ${this.#exit?.signal ?? `code ${this.#exit?.code}`}`;
  }
}
