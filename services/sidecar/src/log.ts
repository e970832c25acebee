import { isatty } from "node:tty";
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from "pino";
import { describeError } from "./log/describe-error.js";
import { readable } from "./log/readable.js";

export const levels = ["error", "warn", "info", "debug"] as const;

export type Level = (typeof levels)[number];

/**
 * Details of an entry, as name and value; errors are written with their stack and their causes. Nobody may find a
 * secret here: no token, no id of a lease, no `Idempotency-Key`, and of a path its pattern alone.
 */
export type Fields = Readonly<Record<string, unknown>>;

export type Log = Readonly<Record<Level, (message: string, fields?: Fields) => void>>;

const STDERR = 2;

/** Fields of these names are a mistake of whoever writes them; what they hold is not shown. */
const secretFields = ["token", "lease", "idempotencyKey", "authorization", "password"];

/**
 * Entries of `level` and of those before it, one JSON object a line: on stderr, and for people where that is a
 * terminal, unless `write` takes them. What was logged is out when the call returns, so that nothing is lost where the
 * process ends.
 */
export function createLog(level: Level, write?: (line: string) => void): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: secretFields,
    },
    write === undefined ? standardError() : { write },
  );
  return {
    error: entryOf(logger, "error"),
    warn: entryOf(logger, "warn"),
    info: entryOf(logger, "info"),
    debug: entryOf(logger, "debug"),
  };
}

function entryOf(logger: Logger, level: Level): Log[Level] {
  return (message, fields = {}) => {
    if (logger.isLevelEnabled(level)) logger[level](writable(fields), message);
  };
}

function writable(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? describeError(value) : value,
    ]),
  );
}

function standardError(): DestinationStream {
  if (!isatty(STDERR)) return destination({ dest: STDERR, sync: true });
  // A terminal that was closed takes nothing, which must not end the process before its leases have ended.
  process.stderr.on("error", () => {});
  return readable((text) => process.stderr.write(text));
}
