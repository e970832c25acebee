import { sessionMessage } from "@sluice/client/shapes";
import fc from "fast-check";
import { nearly, valuesOf } from "./values.js";

export interface Message {
  readonly text: string;
  readonly isValid: boolean;
}

/** Messages of a session, which are right, or nearly so. @param leases ids of leases that are held */
export function messages(leases: readonly string[]): fc.Arbitrary<Message> {
  const right = valuesOf(sessionMessage, { lease: leases });
  const texts = fc
    .oneof({ weight: 2, arbitrary: right }, { weight: 1, arbitrary: nearly(right) })
    .map((value) => JSON.stringify(value ?? null));
  return fc.oneof({ weight: 9, arbitrary: texts }, { weight: 1, arbitrary: broken(texts) }).map(judged);
}

function broken(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const junk = fc.oneof(fc.string(), fc.constantFrom("\ufeff", "}", ",", "{}", "[".repeat(5_000)));
  return fc
    .tuple(texts, fc.nat(), junk)
    .map(([text, cut, more]) => text.slice(0, cut % (text.length + 1)) + more);
}

function judged(text: string): Message {
  try {
    return { text, isValid: sessionMessage.safeParse(JSON.parse(text)).success };
  } catch {
    return { text, isValid: false };
  }
}
