import type { Range } from "@sluice/core";
import { redisUrlWithoutSecrets } from "@sluice/core/redis";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names everything that has a bad value, and what was expected of it, one line each. */
export class SettingsError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.name = "SettingsError";
    this.faults = faults;
  }
}

const flags = new Map([
  ["1", true],
  ["true", true],
  ["0", false],
  ["false", false],
]);

/** Reads variables, and remembers what is wrong with them. One that is empty counts as left out. */
export class Reader {
  readonly faults: string[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  text(name: string, pattern: RegExp, expected: string, otherwise: string): string {
    return this.#read(name, otherwise, expected, (value) => (pattern.test(value) ? value : undefined));
  }

  integer(name: string, { min, max }: Range, otherwise: number): number {
    return this.#read(name, otherwise, `an integer from ${min} to ${max}`, (value) => {
      const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      return number >= min && number <= max ? number : undefined;
    });
  }

  flag(name: string): boolean {
    return this.#read(name, false, "1 or true, 0 or false", (value) => flags.get(value.toLowerCase()));
  }

  oneOf<Value extends string>(name: string, values: readonly Value[], otherwise: Value): Value {
    return this.#read(name, otherwise, `one of ${values.join(", ")}`, (value) =>
      values.find((one) => one === value),
    );
  }

  /** A file or a directory; whether it is there is for whoever reads it to find out. */
  path(name: string): string | undefined {
    return this.#given(name);
  }

  /** Entries with commas between them, in lower case. */
  list(name: string, pattern: RegExp, expected: string): readonly string[] {
    return this.#read(name, [], `${expected}, with commas between them`, (value) => {
      const entries = value.split(",").map((entry) => entry.trim().toLowerCase());
      return entries.every((entry) => pattern.test(entry)) ? entries : undefined;
    });
  }

  /** What came is not repeated. */
  secret(name: string, pattern: RegExp, expected: string): string | undefined {
    return this.#readSecret(name, expected, (value) => pattern.test(value));
  }

  /** A URL may hold a password, so what came is not repeated. */
  redisUrl(name: string): string | undefined {
    const expected =
      "a URL that begins with redis:// (a server), redis+cluster://HOST,HOST or redis+sentinel://HOST,HOST/NAME; rediss for TLS";
    return this.#readSecret(name, expected, (url) => redisUrlWithoutSecrets(url) !== undefined);
  }

  /** URLs of single servers, with commas between them. They may hold passwords, so what came is not repeated. */
  quorumUrls(name: string): readonly string[] | undefined {
    const expected =
      "an odd number of different URLs, three or more, that begin with redis:// or rediss://, with commas between them";
    const urls = this.#readSecret(name, expected, (value) => isQuorum(splitUrls(value)));
    return urls === undefined ? undefined : splitUrls(urls);
  }

  #given(name: string): string | undefined {
    return this.#environment[name] || undefined;
  }

  #readSecret(name: string, expected: string, isGood: (value: string) => boolean): string | undefined {
    const value = this.#given(name);
    if (value === undefined || isGood(value)) return value;
    this.faults.push(`${name} must be ${expected}`);
    return undefined;
  }

  #read<Value>(
    name: string,
    otherwise: Value,
    expected: string,
    parse: (value: string) => Value | undefined,
  ): Value {
    const value = this.#given(name);
    if (value === undefined) return otherwise;
    const parsed = parse(value);
    if (parsed === undefined) this.faults.push(`${name} must be ${expected}; got "${value}"`);
    return parsed ?? otherwise;
  }
}

function splitUrls(value: string): string[] {
  return value.split(",").map((url) => url.trim());
}

function isQuorum(urls: readonly string[]): boolean {
  const isServer = (url: string) => URL.canParse(url) && /^rediss?:$/.test(new URL(url).protocol);
  return (
    urls.length >= 3 && urls.length % 2 === 1 && urls.every(isServer) && new Set(urls).size === urls.length
  );
}
