import type { FeedEvents } from "@sluice/client/shapes";

/** An event as it goes over the wire. JSON has no line break of its own, so that one line of `data` holds it. */
export function textOf<Name extends keyof FeedEvents>(name: Name, data: FeedEvents[Name]): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
