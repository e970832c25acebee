import type { DestinationStream } from "pino";
import type { DescribedError } from "./describe-error.js";

/** Turns each entry into a line for people at a terminal; the stacks of errors follow on lines of their own. */
export function readable(write: (text: string) => void): DestinationStream {
  return {
    write: (line) => {
      const { time, level, msg, ...fields } = JSON.parse(line);
      write(`${time} ${level} ${shown(msg)}${Object.entries(fields).map(fieldText).join("")}\n`);
    },
  };
}

function fieldText([name, value]: [string, unknown]): string {
  return isError(value) ? `\n  ${name}: ${errorText(value)}` : ` ${name}=${shown(JSON.stringify(value))}`;
}

function errorText({ stack, type, message, cause, errors = [] }: DescribedError): string {
  const own = (stack ?? `${type}: ${message}`).split("\n").map(shown).join("\n  ");
  const causes = [...(cause === undefined ? [] : [cause]), ...errors];
  return [
    own,
    ...causes.map((one) => `caused by ${isError(one) ? errorText(one) : shown(String(one))}`),
  ].join("\n  ");
}

function isError(value: unknown): value is DescribedError {
  return typeof value === "object" && value !== null && "type" in value && "message" in value;
}

/** A terminal would obey control characters, and be led astray by those that change the direction of text. */
function shown(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
