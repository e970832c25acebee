import { closeCodes, SUBPROTOCOL } from "@sluice/client/shapes";

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** The messages of a session, for which OpenAPI has no place of its own. */
export const sessionDescription = {
  description:
    "JSON in text messages. Every request bears an `id`; its answer bears the same one, with `ok: true` and the fields " +
    "of its schema, or with `ok: false` and a problem. Answers come in any order. Events have no `id`.",
  path: "/v1/session",
  subprotocol: SUBPROTOCOL,
  requests: {
    acquire: { message: ref("SessionAcquire"), answer: ref("SessionAcquired") },
    release: { message: ref("SessionRelease"), answer: ref("Released") },
    cancel: { message: ref("SessionCancel"), answer: ref("SessionCancelled") },
    claim: { message: ref("SessionClaim"), answer: ref("SessionClaimed") },
    ping: { message: ref("SessionPing"), answer: ref("SessionPong") },
  },
  refused: ref("SessionRefused"),
  events: {
    session: ref("SessionEvent"),
    valid: ref("ValidEvent"),
    lost: ref("LostEvent"),
    draining: ref("DrainingEvent"),
  },
  closeCodes,
};
