import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { ChildError, within } from "./child-error.js";

/** How long a child may take to send its first message. */
const START_MS = 30_000;
/** How much of a child's last words is kept, in characters. */
const LAST_WORDS = 2_000;
const TETHER = new URL("tether.js", import.meta.url).href;

/** One child process of the demo. */
export interface Child {
  readonly process: ChildProcess;
  /** Resolves, with how it ended (`code 0`, `SIGKILL`), when it has ended and all its messages have come. */
  readonly exited: Promise<string>;
  /** The end of what it wrote to stderr. */
  lastWords(): string;
}

/** The child processes of one run. None of them outlives it: see `killAll` and the tether. */
export class Children {
  readonly #living = new Set<ChildProcess>();
  readonly #stopGraceMs: number;

  /** @param stopGraceMs how long a child may take to stop before it is killed; 2,000 when left out */
  constructor(stopGraceMs = 2_000) {
    this.#stopGraceMs = stopGraceMs;
  }

  /** Starts `file` with Node. Its stdout is the caller's to read; nothing of it reaches the terminal. */
  fork(file: string | URL, args: readonly string[] = [], env: NodeJS.ProcessEnv = process.env): Child {
    const child = fork(file, args, {
      env,
      execArgv: ["--import", TETHER],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#living.add(child);
    const exited = ending(child).finally(() => this.#living.delete(child));
    child.stdout?.resume();
    return { process: child, exited, lastWords: keepLastWords(child) };
  }

  /** Asks children to stop, kills those that do not, and waits until they have ended. */
  async stop(...children: readonly Child[]): Promise<void> {
    await Promise.all(
      children.map(async ({ process: child, exited }) => {
        child.kill("SIGTERM");
        const ended = await Promise.race([exited, sleep(this.#stopGraceMs, undefined, { ref: false })]);
        if (ended === undefined) child.kill("SIGKILL");
        await exited;
      }),
    );
  }

  /** Kills all at once; for the end of the process, when there is no time to wait. */
  killAll(): void {
    for (const child of this.#living) child.kill("SIGKILL");
  }
}

/**
 * The first message of a child.
 *
 * @throws ChildError with the child's last words when it ends before it has sent one, or sends none in time
 */
export async function firstMessage<Message>(child: Child, name: string): Promise<Message> {
  const message = once(child.process, "message").then(([first]) => first as Message);
  return within(START_MS, name, Promise.race([message, untilItEnds(child, name)]));
}

/** Never resolves. @throws ChildError with the child's last words when it ends */
export async function untilItEnds(child: Child, name: string): Promise<never> {
  const ending = await child.exited;
  throw new ChildError(`${name} ended (${ending})\n${child.lastWords()}`.trimEnd());
}

async function ending(child: ChildProcess): Promise<string> {
  // The channel may still hold messages of a child that has exited.
  const heard = new Promise((resolve) => child.once("disconnect", resolve));
  const ended = await new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `code ${code}`));
  });
  if (child.connected) await heard;
  return ended;
}

function keepLastWords(child: ChildProcess): () => string {
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    words = (words + chunk).slice(-LAST_WORDS);
  });
  return () => words;
}
