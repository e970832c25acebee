/** One event of an event stream. */
export interface StreamEvent {
  /** `message` where the stream does not name it. */
  readonly name: string;
  readonly data: string;
}

/**
 * Reads an event stream (WHATWG HTML, section 9.2.6) from pieces of text that may end anywhere: within a line, or
 * between the two characters of a line end. Ids and retry times are left out, because the sidecar sends none.
 */
export class EventStreamParser {
  /** The pieces of the line that has not ended yet, joined when it does: a line may be megabytes long. */
  #line: string[] = [];
  #name = "";
  #data: string[] = [];
  /** The last piece ended with a carriage return, whose line feed may follow. */
  #afterReturn = false;
  #isFirst = true;

  /** The events that this piece completes. */
  push(text: string): StreamEvent[] {
    const piece = this.#withoutSplitEnd(this.#withoutMark(text));
    if (piece === "") return [];
    this.#afterReturn = piece.endsWith("\r");
    const lines = piece.split(/\r\n|\r|\n/);
    const rest = lines.pop() ?? "";
    const events = lines.flatMap((line) => this.#take(this.#whole(line)));
    if (rest !== "") this.#line.push(rest);
    return events;
  }

  #withoutMark(text: string): string {
    if (!this.#isFirst || text === "") return text;
    this.#isFirst = false;
    return text.startsWith("\uFEFF") ? text.slice(1) : text;
  }

  #withoutSplitEnd(text: string): string {
    if (!this.#afterReturn || text === "") return text;
    this.#afterReturn = false;
    return text.startsWith("\n") ? text.slice(1) : text;
  }

  #whole(end: string): string {
    if (this.#line.length === 0) return end;
    const line = this.#line.join("") + end;
    this.#line = [];
    return line;
  }

  #take(line: string): StreamEvent[] {
    if (line === "") return this.#dispatch();
    const [field, value] = fieldOf(line);
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    return [];
  }

  #dispatch(): StreamEvent[] {
    const events =
      this.#data.length === 0 ? [] : [{ name: this.#name || "message", data: this.#data.join("\n") }];
    this.#name = "";
    this.#data = [];
    return events;
  }
}

/** A line that begins with a colon is a comment: a field without a name, which nobody reads. */
function fieldOf(line: string): [field: string, value: string] {
  const colon = line.indexOf(":");
  if (colon === -1) return [line, ""];
  return [line.slice(0, colon), line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1)];
}
