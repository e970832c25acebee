import { inspect } from "node:util";

export const levels = ["error", "warn", "info", "debug"] as const;

export type Level = (typeof levels)[number];

/** Details of an entry, as name and value; errors are written with their stack and their causes. */
export type Fields = Readonly<Record<string, unknown>>;

export type Log = Readonly<Record<Level, (message: string, fields?: Fields) => void>>;

/** Entries of `level` and of those before it, one after the other, on stderr unless `write` says otherwise. */
export function createLog(level: Level, write: (text: string) => void = toStderr): Log {
  const logged = new Set(levels.slice(0, levels.indexOf(level) + 1));
  const entry = (of: Level) => (message: string, fields?: Fields) => {
    if (logged.has(of)) write(`${new Date().toISOString()} ${of} ${message}${textOf(fields)}\n`);
  };
  return { error: entry("error"), warn: entry("warn"), info: entry("info"), debug: entry("debug") };
}

function textOf(fields: Fields = {}): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${typeof value === "string" ? JSON.stringify(value) : inspect(value)}`)
    .join("");
}

function toStderr(text: string): void {
  process.stderr.write(text);
}
