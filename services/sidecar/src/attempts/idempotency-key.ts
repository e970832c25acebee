import { idempotencyKey } from "@sluice/client/shapes";
import type { Request } from "express";
import { checked } from "../http/input.js";

/** The caller's name for its acquire, under which it can ask again. */
export function idempotencyKeyOf(request: Request): string | undefined {
  const key = request.headers["idempotency-key"];
  return key === undefined ? undefined : checked(idempotencyKey, key, "Idempotency-Key");
}
