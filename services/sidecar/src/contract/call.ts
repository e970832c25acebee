import type { ProblemCode } from "@sluice/client/shapes";
import type { z } from "zod";
import type { Scope } from "../access/caller.js";

export type Method = "GET" | "PUT" | "PATCH" | "POST" | "DELETE";

/** One call of the HTTP face: what routes, checks and documents it. */
export interface Call {
  readonly method: Method;
  /** With its parameters in braces: `/v1/semaphores/{name}`. */
  readonly path: string;
  /** In a few words, for lists. */
  readonly summary: string;
  readonly description?: string;
  /** What the caller's token must be good for; `none` needs no token. */
  readonly scope: Scope | "none";
  readonly params?: z.ZodObject;
  /** Left out: whatever the query says is not read. */
  readonly query?: z.ZodObject;
  /** By their names as they are documented. */
  readonly headers?: Readonly<Record<string, z.ZodType>>;
  readonly body?: z.ZodType;
  /** By status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** The problems that are this call's own; `problemsOf` adds those that come with its scope and its body. */
  readonly problems: readonly ProblemCode[];
}

export interface Answer {
  /** What it means. */
  readonly description: string;
  /** Left out: there is no body. */
  readonly content?: Content;
  /** Headers that belong to its meaning, with what each one says. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What an answer holds. */
export type Content =
  | { readonly type: "application/json"; readonly shape: z.ZodType }
  | { readonly type: "text/plain" | "text/html" }
  /** Of whatever type its name says. */
  | { readonly type: "*/*" }
  /** Values one after the other, for as long as the connection lasts. */
  | { readonly type: "application/x-ndjson"; readonly lines: readonly z.ZodType[] }
  | { readonly type: "text/event-stream"; readonly events: Readonly<Record<string, z.ZodType>> };

/** Every problem that a call can be answered with, by its codes. */
export function problemsOf({ scope, body, problems }: Call): ProblemCode[] {
  const common: ProblemCode[] = ["INVALID_ARGUMENT", "FORBIDDEN"];
  if (scope !== "none") common.push("UNAUTHENTICATED");
  if (body !== undefined) common.push("BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE");
  return [...common, ...problems];
}

export function json(shape: z.ZodType): Content {
  return { type: "application/json", shape };
}
