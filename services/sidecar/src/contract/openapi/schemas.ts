import {
  acquireAnswer,
  acquireBody,
  acquiredAnswer,
  acquireMessage,
  cancelAnswer,
  cancelMessage,
  claimAnswer,
  claimMessage,
  definitionBody,
  drainingEvent,
  feedEvents,
  holdLine,
  listAnswer,
  lostEvent,
  pingAnswer,
  pingMessage,
  problem,
  readinessAnswer,
  refusedAnswer,
  releaseAnswer,
  releaseBody,
  releaseMessage,
  renewAnswer,
  renewBody,
  resizeBody,
  sessionEvent,
  snapshotAnswer,
  statusAnswer,
  validEvent,
} from "@sluice/client/shapes";
import { z } from "zod";
import * as examples from "./examples.js";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a type does not say. */
const createNeedsLimit = { dependentRequired: { create: ["limit"] } };

/** The shapes that have a name in the document, with what their types leave out. */
const named: Readonly<Record<string, readonly [shape: z.ZodType, more?: object]>> = {
  Acquire: [acquireBody, { ...createNeedsLimit, examples: [examples.acquire] }],
  Lease: [acquireAnswer, { examples: [examples.lease] }],
  Renew: [renewBody, { examples: [examples.renew, examples.claim] }],
  Renewed: [renewAnswer],
  Release: [releaseBody],
  Released: [releaseAnswer],
  Definition: [definitionBody, { examples: [examples.definition] }],
  Resize: [resizeBody],
  Status: [statusAnswer],
  Semaphore: [snapshotAnswer],
  Semaphores: [listAnswer],
  Readiness: [readinessAnswer],
  Problem: [problem, { examples: [examples.problem] }],
  HoldLine: [holdLine],
  SemaphoresEvent: [feedEvents.semaphores],
  ChangedEvent: [feedEvents.changed],
  RemovedEvent: [feedEvents.removed],
  StoreEvent: [feedEvents.store],
  CallerEvent: [feedEvents.caller],
  RecoveryEvent: [feedEvents.recovery],
  FeedDrainingEvent: [feedEvents.draining],
  SessionAcquire: [acquireMessage, createNeedsLimit],
  SessionRelease: [releaseMessage],
  SessionCancel: [cancelMessage],
  SessionClaim: [claimMessage],
  SessionPing: [pingMessage],
  SessionAcquired: [acquiredAnswer],
  SessionCancelled: [cancelAnswer],
  SessionClaimed: [claimAnswer],
  SessionPong: [pingAnswer],
  SessionRefused: [refusedAnswer],
  SessionEvent: [sessionEvent],
  ValidEvent: [validEvent],
  LostEvent: [lostEvent],
  DrainingEvent: [drainingEvent],
};

const registry = z.registry<{ id: string }>();
for (const [id, [shape, more]] of Object.entries(named)) registry.add(shape, { id, ...more });

const uri = (id: string) => `#/components/schemas/${id}`;

/** Every named shape as it goes over the wire. Answers are open: a later release may add fields. */
export function namedSchemas(): Record<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(registry, { io: "input", metadata: registry, uri });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutOrigin(schema)]));
}

/** A reference where the shape has a name. */
export function schemaOf(shape: z.ZodType): JsonSchema {
  const id = registry.get(shape)?.id;
  return id === undefined ? withoutOrigin(z.toJSONSchema(shape, { io: "input" })) : { $ref: uri(id) };
}

/** Each field of a path or of a query, as the value that its text stands for. */
export function parametersOf(shape: z.ZodObject): [name: string, required: boolean, schema: JsonSchema][] {
  const fields: readonly [string, z.ZodType][] = Object.entries(shape.shape);
  return fields.map(([name, field]) => [
    name,
    !field.safeParse(undefined).success,
    withoutOrigin(z.toJSONSchema(field, { io: "output" })),
  ]);
}

/** The document says for all of its schemas where they stand and what they are written in. */
function withoutOrigin({ $schema, $id, id, ...schema }: JsonSchema): JsonSchema {
  return schema;
}
