import { textOf } from "./file.js";

/** What tests ask of a Dockerfile; instructions over several lines are read as one. */
export class Dockerfile {
  readonly #lines: readonly string[];

  /** @param path from the root */
  constructor(path: string) {
    this.#lines = textOf(path)
      .replaceAll(/\\\n\s*/g, "")
      .split("\n");
  }

  /** Images of other makers that it begins with, with the defaults of its arguments. */
  get images(): string[] {
    const stages = new Set(this.#all(/^FROM \S+ AS (\S+)$/));
    return this.#all(/^FROM (\S+)/)
      .map((image) => image.replace(/\$\{(\w+)\}/, (_, name) => this.#argument(name)))
      .filter((image) => !stages.has(image));
  }

  /** What the image sets. */
  get environment(): Record<string, string> {
    const pairs = this.#all(/^ENV (.*)$/).flatMap((line) => line.split(" "));
    return Object.fromEntries(pairs.map((pair) => pair.split("=")));
  }

  /** Who runs it, as `1000:1000`. */
  get user(): string | undefined {
    return this.#all(/^USER (\S+)$/).at(-1);
  }

  get exposed(): number[] {
    return this.#all(/^EXPOSE (\d+)$/).map(Number);
  }

  /** The program that it starts, before arguments. */
  get entrypoint(): string[] {
    return JSON.parse(this.#all(/^ENTRYPOINT (\[.*\])$/).at(-1) ?? "[]");
  }

  /** What the image asks itself, in the form of Compose. */
  get healthCheck(): string[] {
    return ["CMD", ...JSON.parse(this.#all(/^HEALTHCHECK .*CMD (\[.*\])$/).at(-1) ?? "[]")];
  }

  #argument(name: string): string {
    return this.#all(new RegExp(`^ARG ${name}=(\\S+)$`))[0] ?? "";
  }

  #all(pattern: RegExp): string[] {
    return this.#lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
  }
}
