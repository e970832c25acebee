import type { HoldLine } from "@sluice/client/shapes";
import type { LossReason } from "@sluice/core";
import type { Express, Request, Response } from "express";
import { callerOf } from "../access/access.js";
import { askedOf } from "../attempts/asked.js";
import { hasReadOn } from "../attempts/reading-on.js";
import { drainingProblem } from "../attempts/refusal.js";
import type { Context } from "../context.js";
import { calls } from "../contract/calls.js";
import { type Received, serve } from "../http/serve.js";
import type { KeptForOwner, Owner } from "../leases/custody.js";
import { isDirectLoopback } from "../leases/grace.js";
import { answerOf } from "../leases/grant-answer.js";
import { arrivalOf } from "../metrics.js";

/** What may lie unsent for a caller before it is taken for one that does not read. */
const MAX_BACKLOG_BYTES = 65_536;

/** `POST /v1/semaphores/{name}/hold` */
export function holdRoute(app: Express, context: Context): void {
  serve(app, context, calls.hold, hold);
}

async function hold(
  context: Context,
  { params, body, headers, caller, request: httpRequest }: Received<typeof calls.hold>,
  response: Response,
): Promise<void> {
  const semaphore = params.name;
  const key = headers["Idempotency-Key"];
  const address = httpRequest.socket.remoteAddress ?? "unknown";
  const asking = { semaphore, fields: body, key, caller, address };
  const { request, ...asked } = askedOf(asking, context.store.maxLeaseMs);
  if (asked.named) await hasReadOn();
  if (httpRequest.socket.destroyed) return;
  if (context.draining) throw drainingProblem();
  response.once("close", context.sessions.add(caller.name));
  // Until it is granted; then the hold itself sees to it.
  const unwatch = context.access.watch(caller, "use", () => response.destroy());
  response.once("close", unwatch);
  const onLost = context.custody.listener(semaphore, request.lease);
  const acquire = context.acquires.start({ ...asked, request: { ...request, onLost } });
  response.once("close", () => acquire.forsake());
  const grant = await acquire.grant;
  if (response.closed) return;
  unwatch();
  acquire.told();
  const held = new Hold(context, httpRequest, response);
  const at = Math.floor(performance.now());
  held.begin({ ...answerOf(grant, semaphore, arrivalOf(response)), at });
  context.custody.take(semaphore, grant, request.attempt, held);
  acquire.delivered();
}

/** One lease for as long as one response. */
class Hold implements Owner {
  readonly #context: Context;
  readonly #request: Request;
  readonly #response: Response;
  readonly #isLoopback: boolean;
  #lease: KeptForOwner | undefined;
  /** For how long its holder had certainly been told nothing when it was cut off. */
  #cutAfterMs: number | undefined;

  constructor(context: Context, request: Request, response: Response) {
    this.#context = context;
    this.#request = request;
    this.#response = response;
    this.#isLoopback = isDirectLoopback(request);
  }

  begin(answer: HoldLine): void {
    const { closing, access } = this.#context;
    const restart = () => this.#restart();
    closing.addEventListener("abort", restart, { once: true });
    this.#response.once("close", () => {
      closing.removeEventListener("abort", restart);
      this.#left();
    });
    if (!this.#isLoopback) this.#watchHost();
    this.#response.once(
      "close",
      access.watch(callerOf(this.#response), "use", () => this.#cutOff()),
    );
    this.#response.writeHead(200, { "content-type": "application/x-ndjson" });
    this.#write(answer);
  }

  /** Other requests may follow on the connection. */
  #watchHost(): void {
    const cutOff = (silentMs: number) => this.#cutOff(silentMs);
    this.#response.once("close", this.#context.vanishedHosts.watch(this.#request.socket, cutOff));
  }

  add(lease: KeptForOwner): void {
    this.#lease = lease;
  }

  renewed({ validUntil }: KeptForOwner): void {
    const at = Math.floor(performance.now());
    const validForMs = Math.floor(validUntil) - at;
    if (validForMs > 0) this.#write({ validForMs, at });
  }

  dropped(): void {
    this.#lease = undefined;
  }

  /** The stream ends with the lease; its last line says why. */
  lost(_lease: KeptForOwner, reason: LossReason): void {
    this.#lease = undefined;
    this.#write({ lost: reason });
    this.#response.end();
  }

  /** The sidecar ends: the lease is left to its time, for which its holder may still believe in it. */
  #restart(): void {
    if (this.#lease !== undefined) this.#context.custody.forget(this.#lease);
    this.#lease = undefined;
    this.#response.end();
  }

  #left(): void {
    if (this.#lease === undefined) return;
    this.#context.custody.leave(this.#lease, {
      isLoopback: this.#isLoopback,
      wasCut: this.#cutAfterMs !== undefined,
      silentMs: this.#cutAfterMs ?? 0,
    });
  }

  #write(line: HoldLine): void {
    if (this.#response.closed) return;
    this.#response.write(`${JSON.stringify(line)}\n`);
    if (this.#response.writableLength > MAX_BACKLOG_BYTES) this.#cutOff();
  }

  /** A holder that is gone, does not read what it is told, or whose token was withdrawn. */
  #cutOff(silentMs = 0): void {
    this.#cutAfterMs = silentMs;
    this.#request.socket.destroy();
  }
}
