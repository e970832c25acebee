import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
} from "yaml";

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface YamlFault extends Place {
  /** The field that it is about, e.g. `semaphores.api.limit`, where it is about one. */
  readonly field?: string;
  /** What was expected, to follow the words "must be". */
  readonly expected: string;
  /** What the parser says, which may repeat what stands there. */
  readonly said?: string;
}

export type Path = readonly PropertyKey[];

const yaml = "YAML or JSON";

interface Entry {
  readonly keyAt: number;
  readonly valueAt: number;
}

/** A YAML document, or one of JSON, that knows where each of its fields stands. */
export class LocatedYaml {
  /** As plain JavaScript; undefined where there are faults. */
  readonly value: unknown;
  readonly faults: readonly YamlFault[];
  readonly #lines = new LineCounter();
  readonly #entries = new Map<string, Entry>();
  readonly #keysThatAreNoText: string[] = [];
  #firstAliasAt = Number.POSITIVE_INFINITY;

  constructor(text: string) {
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    this.#index(document.contents, []);
    const faults: YamlFault[] = [
      ...document.errors.map(({ code, pos, message }) => this.#parseFault(code, pos[0], message)),
      ...this.#keysThatAreNoText.map((key) => ({
        ...this.#placeAt(this.#entries.get(key)?.keyAt ?? 0),
        field: key,
        expected: "named by text: put the name in quotes",
      })),
    ];
    try {
      if (faults.length === 0) this.value = document.toJS();
    } catch (error) {
      // Only aliases can fail so late: one of nothing, or so many that they would fill the memory.
      faults.push({ ...this.#placeAt(this.#firstAliasAt), expected: yaml, said: (error as Error).message });
    }
    this.faults = faults;
  }

  /** Where the value of the field stands, or what is nearest to it. */
  placeOf(path: Path): Place {
    return this.#placeAt(this.#nearest(path)?.valueAt ?? 0);
  }

  /** Where the name of the field stands. */
  placeOfKey(path: Path): Place {
    return this.#placeAt(this.#nearest(path)?.keyAt ?? 0);
  }

  #nearest(path: Path): Entry | undefined {
    if (path.length === 0) return undefined;
    return this.#entries.get(nameOf(path)) ?? this.#nearest(path.slice(0, -1));
  }

  #parseFault(code: string, at: number, message: string): YamlFault {
    const place = this.#placeAt(at);
    if (code !== "DUPLICATE_KEY") return { ...place, expected: yaml, said: `${message} (${code})` };
    const [field] = [...this.#entries].find(([, { keyAt }]) => keyAt === at) ?? [];
    return { ...place, ...(field !== undefined && { field }), expected: "given once" };
  }

  #placeAt(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #index(node: ParsedNode | Node | null, path: Path): void {
    if (isSeq<Node>(node)) {
      for (const [index, item] of node.items.entries()) this.#enter(item, undefined, [...path, index]);
    }
    if (!isMap<Node, Node | null>(node)) return;
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? key.value : undefined;
      const inside = [...path, typeof name === "string" ? name : (isScalar(key) && key.source) || "?"];
      if (typeof name !== "string") this.#keysThatAreNoText.push(nameOf(inside));
      this.#enter(value, key, inside);
    }
  }

  #enter(value: Node | null, key: Node | undefined, path: Path): void {
    const keyAt = startOf(key) ?? startOf(value) ?? 0;
    // Of two of the same name the second one is where the fault is found.
    this.#entries.set(nameOf(path), { keyAt, valueAt: startOf(value) ?? keyAt });
    if (isAlias(value)) this.#firstAliasAt = Math.min(this.#firstAliasAt, startOf(value) ?? 0);
    else this.#index(value, path);
  }
}

/** `semaphores.api.limit`, `tokens[3].name` */
export function nameOf(path: Path): string {
  return path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : `${index ? "." : ""}${String(part)}`))
    .join("");
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}
