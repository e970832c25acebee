import { leadingWords } from "../resp/values.js";

export interface ProxiedRequest {
  /** Counts the proxy's connections, from 1. */
  readonly connection: number;
  /** In capitals: "EVALSHA". */
  readonly command: string;
  readonly args: readonly string[];
}

export interface ProxiedPush {
  readonly connection: number;
  readonly kind: "message" | "pmessage" | "smessage";
  /** The channel; for `pmessage` the pattern. */
  readonly channel: string;
}

/** What a frame from the server is. */
export type Heard =
  /** A published message. */
  | { readonly what: "push"; readonly push: ProxiedPush }
  /** The reply to `request`, or the first of several. */
  | { readonly what: "reply"; readonly request: ProxiedRequest }
  /** A further confirmation of a subscription, or something that nobody asked for. */
  | { readonly what: "other" };

interface Awaited {
  readonly request: ProxiedRequest;
  /** Replies that are still to come; undefined for an UNSUBSCRIBE of everything until its first reply. */
  left: number | undefined;
  answered: boolean;
}

const messageKinds: ReadonlySet<string> = new Set(["message", "pmessage", "smessage"]);
const subscriptionCommands: ReadonlySet<string> = new Set(
  ["", "P", "S"].flatMap((family) => [`${family}SUBSCRIBE`, `${family}UNSUBSCRIBE`]),
);

/**
 * Follows one connection to Redis closely enough to know which request a reply answers, and which frames are
 * published messages. RESP3 marks those; in RESP2 they are arrays, and only a subscribed connection gets them.
 */
export class Conversation {
  readonly #connection: number;
  readonly #awaited: Awaited[] = [];
  /** What is subscribed, as `kind channel`. */
  readonly #subscribed = new Set<string>();
  #resp3 = false;

  constructor(connection: number) {
    this.#connection = connection;
  }

  /** Reads a request. It counts as sent from `sent` on. */
  read(frame: Buffer): ProxiedRequest {
    const [command = "", ...args] = leadingWords(frame);
    return { connection: this.#connection, command: command.toUpperCase(), args };
  }

  sent(request: ProxiedRequest): void {
    const { command, args } = request;
    if (command === "HELLO" && args[0] !== undefined) this.#resp3 = args[0] === "3";
    this.#awaited.push({ request, left: expectedReplies(request), answered: false });
  }

  heard(frame: Buffer): Heard {
    const [kind = "", channel = ""] = this.#mayBePush(frame) ? leadingWords(frame, 2) : [];
    if (messageKinds.has(kind)) return { what: "push", push: this.#push(kind, channel) };
    const head = this.#awaited[0];
    if (!head) return { what: "other" };
    if (kind.toUpperCase() === head.request.command) return this.#confirmation(head, kind, channel);
    if (isPush(frame)) return { what: "other" };
    this.#awaited.shift();
    return { what: "reply", request: head.request };
  }

  #mayBePush(frame: Buffer): boolean {
    return isPush(frame) || (!this.#resp3 && frame[0] === 0x2a && this.#isSubscriber());
  }

  #isSubscriber(): boolean {
    return this.#subscribed.size > 0 || subscriptionCommands.has(this.#awaited[0]?.request.command ?? "");
  }

  #push(kind: string, channel: string): ProxiedPush {
    return { connection: this.#connection, kind: kind as ProxiedPush["kind"], channel };
  }

  #confirmation(head: Awaited, kind: string, channel: string): Heard {
    const first = !head.answered;
    head.answered = true;
    const family = kind.replace(/(un)?subscribe$/, "");
    head.left ??= Math.max(1, [...this.#subscribed].filter((entry) => entry.startsWith(`${family} `)).length);
    head.left -= 1;
    if (head.left === 0) this.#awaited.shift();
    if (kind.endsWith("unsubscribe")) this.#subscribed.delete(`${family} ${channel}`);
    else this.#subscribed.add(`${family} ${channel}`);
    return first ? { what: "reply", request: head.request } : { what: "other" };
  }
}

function isPush(frame: Buffer): boolean {
  return frame[0] === 0x3e;
}

function expectedReplies({ command, args }: ProxiedRequest): number | undefined {
  if (!subscriptionCommands.has(command)) return 1;
  return args.length > 0 ? args.length : undefined;
}
