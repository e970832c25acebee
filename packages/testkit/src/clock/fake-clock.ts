import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where `npm run test:system` and `npm run test:faults` put the library where the system has none. */
const cached = fileURLToPath(new URL("../../../../.cache/faketime/libfaketime.so.1", import.meta.url));

/** Why no program can be given a clock of its own here, or undefined where one can. */
export function whyNoFakeClocks(): string | undefined {
  if (process.platform !== "linux") return "libfaketime is preloaded on Linux alone";
  const library = fakeTimeLibrary();
  if (library === undefined) return "libfaketime is not installed";
  try {
    execFileSync("true", { env: { ...process.env, ...preloading(library) }, stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `libfaketime does not work here: ${(error as Error).message.trim()}`;
  }
}

/** The path of libfaketime: `SLUICE_TEST_FAKETIME`, else the system's, else the one in the project's cache. */
export function fakeTimeLibrary(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const chosen = env.SLUICE_TEST_FAKETIME;
  if (chosen) return chosen;
  const ofTheSystem = ["/usr/lib", "/usr/lib64"].flatMap(librariesBelow);
  return [...ofTheSystem, cached].find((path) => existsSync(path));
}

/**
 * The clock of the programs that are started with its `env`: the time of day, which can be made to jump while they run.
 * Their monotonic clock goes on evenly, as it does when an operator or NTP sets the time.
 */
export class FakeClock {
  /** The environment of programs that are to go by this clock. */
  readonly env: Readonly<Record<string, string>>;
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-clock-"));
  #offsetMs = 0;

  /** @throws Error where `whyNoFakeClocks` knows why */
  constructor() {
    const library = fakeTimeLibrary();
    if (library === undefined) throw new Error(whyNoFakeClocks());
    this.#write();
    this.env = {
      ...preloading(library),
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** How far it is ahead of the true time. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Sets it forward, or back where `ms` is below 0, at once. */
  jump(ms: number): void {
    this.#offsetMs += ms;
    this.#write();
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.#folder, "offset");
  }

  /** As a whole: a program that reads half a number would be at another time for a moment. */
  #write(): void {
    const seconds = (this.#offsetMs / 1_000).toFixed(3);
    const draft = `${this.#file}.new`;
    writeFileSync(draft, this.#offsetMs < 0 ? seconds : `+${seconds}`);
    renameSync(draft, this.#file);
  }
}

/**
 * The C library goes along with it, so that its `malloc` comes before that of jemalloc, which Redis is linked to: jemalloc
 * asks for the time while it starts, and libfaketime for memory while it is asked for the first time.
 */
function preloading(library: string): Record<string, string> {
  return { LD_PRELOAD: `${library}:libc.so.6` };
}

/** Where it may be: in the folder for libraries, or in that of an architecture, as Debian has it. */
function librariesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const within = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const folders = [folder, ...within.map(({ name }) => join(folder, name))];
  return folders.map((path) => join(path, "faketime", "libfaketime.so.1"));
}
