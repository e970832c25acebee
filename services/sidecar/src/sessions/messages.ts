import { messageId, type SessionMessage, sessionMessage } from "@sluice/client/shapes";
import type { RawData } from "ws";
import { checked } from "../http/input.js";
import type { HttpProblem } from "../http/problem.js";
import { invalid } from "../http/problem-of.js";

/** A message that is none of the protocol's. */
export class Unreadable extends Error {
  /** Of the request that it was meant to be, where it has one. */
  readonly id: string | number | null;

  constructor(id: string | number | null, problem: HttpProblem) {
    super(problem.message, { cause: problem });
    this.id = id;
  }
}

/** @throws Unreadable, whose `cause` is the HttpProblem */
export function readMessage(data: RawData, isBinary: boolean): SessionMessage {
  if (isBinary) throw new Unreadable(null, invalid("message", "a message must be text, in JSON"));
  const value = parse(data.toString());
  try {
    return checked(sessionMessage, value, "the message");
  } catch (problem) {
    throw new Unreadable(idOf(value), problem as HttpProblem);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Unreadable(null, invalid("message", `a message must be JSON; ${(error as Error).message}`));
  }
}

function idOf(value: unknown): string | number | null {
  const { id } = (typeof value === "object" && value !== null ? value : {}) as { id?: unknown };
  const result = messageId.safeParse(id);
  return result.success ? result.data : null;
}
