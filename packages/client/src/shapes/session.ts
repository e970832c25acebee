import { z } from "zod";
import { MAX_RENEWALS } from "../limits.js";
import { acquireAnswer, type releaseAnswer } from "./answers.js";
import { count, exactly, lease, semaphore, text } from "./fields.js";
import { problem } from "./problem.js";
import { acquireFields, claimFields, createsWithLimit, idempotencyKey } from "./requests.js";

export { CLIENT_END_HEADER, closeCodes, SUBPROTOCOL } from "../subprotocol.js";

/*
 * The messages of a session: a WebSocket with the subprotocol `sluice.v1`, JSON in text messages. Every request bears
 * an id, and its answer bears the same one; answers come in any order.
 */

/** Chosen by the client; two requests under way have different ones. */
export const messageId = z.union([
  z.int({ error: "an integer, or 1 to 128 printable ASCII characters" }),
  text(/^[\x20-\x7e]{1,128}$/, "an integer, or 1 to 128 printable ASCII characters"),
]);

export const acquireMessage = exactly({
  id: messageId,
  op: z.literal("acquire"),
  semaphore,
  /** As the header `Idempotency-Key`: asking again, also in another session, is the same acquire. */
  idempotencyKey: idempotencyKey.optional(),
  ...acquireFields,
}).refine(createsWithLimit.check, createsWithLimit.fault);

export const releaseMessage = exactly({ id: messageId, op: z.literal("release"), semaphore, lease });

/** Takes a waiting acquire of this session out of the queue. */
export const cancelMessage = exactly({
  id: messageId,
  op: z.literal("cancel"),
  /** The id of the acquire. */
  request: messageId,
});

/** Takes over leases that were granted in an earlier session, or elsewhere. */
export const claimMessage = exactly({
  id: messageId,
  op: z.literal("claim"),
  leases: z
    .array(exactly({ ...claimFields, semaphore }), { error: "an array of leases" })
    .min(1, { error: "at least one lease" })
    .max(MAX_RENEWALS, { error: `at most ${MAX_RENEWALS} leases` }),
});

export const pingMessage = exactly({ id: messageId, op: z.literal("ping") });

export const sessionMessage = z.discriminatedUnion(
  "op",
  [acquireMessage, releaseMessage, cancelMessage, claimMessage, pingMessage],
  { error: "a message with op acquire, release, cancel, claim or ping" },
);

/** The sidecar's monotonic clock, in whole milliseconds from a start that nobody knows. */
const at = count;

/** An acquire's answer also says when it was given, so that its time need not be counted from the request. */
export const acquiredAnswer = acquireAnswer.extend({ at });

export const cancelAnswer = z.object({
  /** False where the acquire was not waiting any more: its own answer says what became of it. */
  cancelled: z.boolean(),
});

/** In the order of the request. */
export const claimAnswer = z.object({
  at,
  leases: z.array(
    z.object({
      semaphore,
      lease,
      claimed: z.boolean(),
      /** 0 where it was not claimed. */
      expiresInMs: count,
      reason: z.enum(["lapsed", "revoked"]).optional(),
    }),
  ),
});

export const pingAnswer = z.object({ at });

/** What is refused; without an id where the request could not be read. */
export const refusedAnswer = z.object({ id: messageId.nullable(), ok: z.literal(false), problem });

/** The first thing that a sidecar says in a session. */
export const sessionEvent = z.object({
  event: z.literal("session"),
  session: z.string(),
  /** Names this run of the sidecar: where another one answers, the former is gone, and gives nothing back any more. */
  sidecar: z.string().optional(),
  /** For how long the session's leases are kept after its connection ended without goodbye, and may be claimed. */
  graceMs: count,
});

/** Every lease of the session is confirmed by the store for `validForMs` from `at`. */
export const validEvent = z.object({ event: z.literal("valid"), at, validForMs: count });

/** The lease has ended, and is no lease of the session any more. */
export const lostEvent = z.object({
  event: z.literal("lost"),
  semaphore,
  lease,
  reason: z.enum(["lapsed", "revoked"]),
});

/** The sidecar is about to end: it grants nothing any more, and keeps what is held for a while. */
export const drainingEvent = z.object({ event: z.literal("draining") });

export const serverEvent = z.discriminatedUnion("event", [
  sessionEvent,
  validEvent,
  lostEvent,
  drainingEvent,
]);

export type AcquireMessage = z.input<typeof acquireMessage>;
export type ClaimedLease = z.output<typeof claimMessage>["leases"][number];
export type SessionMessage = z.output<typeof sessionMessage>;
export type SessionRequest = z.input<typeof sessionMessage>;
export type AcquiredAnswer = z.output<typeof acquiredAnswer>;
export type CancelAnswer = z.output<typeof cancelAnswer>;
export type ClaimAnswer = z.output<typeof claimAnswer>;
export type PingAnswer = z.output<typeof pingAnswer>;
export type ReleasedAnswer = z.output<typeof releaseAnswer>;
export type RefusedAnswer = z.output<typeof refusedAnswer>;
export type SessionEvent = z.output<typeof sessionEvent>;
export type ServerEvent = z.output<typeof serverEvent>;
