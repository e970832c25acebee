import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { UsageError } from "../settings.js";

/** What load without end is to be like. */
export interface EndlessSettings {
  /** Addresses of the sidecars, over which the processes are spread. */
  readonly sidecars: readonly string[];
  /** Sent to every sidecar; undefined where they ask for none. */
  readonly token: string | undefined;
  readonly processes: number;
  /** How long the process that dies lives, in milliseconds. */
  readonly killEveryMs: number;
  /** The port of loopback where the demo says how it is; undefined: nowhere. */
  readonly statusPort: number | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_SIDECAR = "http://127.0.0.1:7077";

const NUMBERS = {
  processes: { default: 4, min: 1, max: 32 },
  "kill-every-ms": { default: 60_000, min: 1_000, max: 3_600_000 },
} as const;

/** The text of `--endless --help`. */
export function endlessUsage(): string {
  return [
    "Usage: npm run demo -- --endless [options]",
    "",
    "Puts load on sidecars that run already, until it is stopped: several processes",
    "share several semaphores, each before an upstream that answers 429 above its",
    "limit. Now and then a process is killed while it holds permits.",
    "",
    `  --sidecars URL,URL   those to put load on (${DEFAULT_SIDECAR})`,
    "  --token-file PATH    a file with a token for them (else SLUICE_TOKEN)",
    `  --processes P        processes that live (${NUMBERS.processes.default})`,
    `  --kill-every-ms MS   life of the one that is killed (${NUMBERS["kill-every-ms"].default})`,
    "  --status-port PORT   of 127.0.0.1: 200 while tasks are done, else 503",
    "  --help               this text",
  ].join("\n");
}

/**
 * Reads the command line of `--endless`.
 *
 * @returns "help" where the usage was asked for
 * @throws UsageError naming the option, what was expected and what came; of a token nothing is repeated
 */
export function parseEndlessSettings(
  args: readonly string[],
  environment: Environment = process.env,
): EndlessSettings | "help" {
  const values = parseOptions(args);
  if (values.help === true) return "help";
  const port = values["status-port"];
  return {
    sidecars: (values.sidecars ?? DEFAULT_SIDECAR).split(",").map(sidecarUrl),
    token: readToken(values["token-file"], environment),
    processes: wholeNumber("processes", values.processes, NUMBERS.processes),
    killEveryMs: wholeNumber("kill-every-ms", values["kill-every-ms"], NUMBERS["kill-every-ms"]),
    statusPort:
      port === undefined ? undefined : wholeNumber("status-port", port, { default: 0, min: 1, max: 65_535 }),
  };
}

function parseOptions(args: readonly string[]) {
  const text = { type: "string" } as const;
  const options = {
    endless: { type: "boolean" },
    sidecars: text,
    "token-file": text,
    processes: text,
    "kill-every-ms": text,
    "status-port": text,
    help: { type: "boolean", short: "h" },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function sidecarUrl(text: string): string {
  const url = text.trim();
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new UsageError(
    `--sidecars must be URLs such as ${DEFAULT_SIDECAR}, with commas between them; got ${JSON.stringify(url)}`,
  );
}

function readToken(file: string | undefined, environment: Environment): string | undefined {
  const token = file === undefined ? environment.SLUICE_TOKEN : textOf(file).trim();
  if (token === undefined || (token === "" && file === undefined)) return undefined;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new UsageError(
    `${file ?? "SLUICE_TOKEN"} must hold one token: printable ASCII characters, no spaces`,
  );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--token-file: ${(error as Error).message}`, { cause: error });
  }
}

interface Bounds {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

function wholeNumber(
  name: string,
  text: string | undefined,
  { default: fallback, min, max }: Bounds,
): number {
  if (text === undefined) return fallback;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`--${name} must be a whole number from ${min} to ${max}; got ${JSON.stringify(text)}`);
}
