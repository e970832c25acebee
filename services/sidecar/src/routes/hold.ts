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
import { answerOf } from "../leases/grant-answer.js";
import { arrivalOf } from "../metrics.js";
import { isDirectLoopback, LOOPBACK_GRACE_MS } from "../sessions/grace.js";

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
  const onLost = context.custody.listener(semaphore, request.lease);
  const acquire = context.acquires.start({ ...asked, request: { ...request, onLost } });
  response.once("close", () => acquire.forsake());
  const grant = await acquire.grant;
  if (response.closed) return;
  acquire.told();
  const held = new Hold(context, httpRequest, response);
  held.begin(answerOf(grant, semaphore, arrivalOf(response)));
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
  #over = false;
  #cut = false;

  constructor(context: Context, request: Request, response: Response) {
    this.#context = context;
    this.#request = request;
    this.#response = response;
    this.#isLoopback = isDirectLoopback(request);
  }

  begin(answer: HoldLine): void {
    const { closing, vanishedHosts, access } = this.#context;
    const restart = () => this.#restart();
    closing.addEventListener("abort", restart, { once: true });
    this.#response.once("close", () => {
      closing.removeEventListener("abort", restart);
      this.#left();
    });
    if (!this.#isLoopback) vanishedHosts.watch(this.#request.socket, () => this.#cutOff());
    this.#response.once(
      "close",
      access.watch(callerOf(this.#response), () => this.#cutOff()),
    );
    this.#response.writeHead(200, { "content-type": "application/x-ndjson" });
    this.#write(answer);
  }

  add(lease: KeptForOwner): void {
    this.#lease = lease;
  }

  renewed({ validUntil }: KeptForOwner): void {
    const validForMs = Math.floor(validUntil - performance.now());
    if (validForMs > 0) this.#write({ validForMs });
  }

  moved(): void {
    this.#lease = undefined;
    this.#response.end();
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

  /**
   * Its holder has ended the connection, and knows; whose connection has failed may not know yet, and believes for no
   * longer than it was told.
   */
  #left(): void {
    const lease = this.#lease;
    if (lease === undefined || this.#over) return;
    this.#over = true;
    const knows = !this.#cut && (this.#isLoopback || this.#request.socket.errored == null);
    const giveBack = () => {
      if (this.#lease === lease) void this.#context.custody.giveBack(lease);
    };
    setTimeout(giveBack, knows ? LOOPBACK_GRACE_MS : lease.leaseMs).unref();
  }

  #write(line: HoldLine): void {
    if (this.#response.closed) return;
    this.#response.write(`${JSON.stringify(line)}\n`);
    if (this.#response.writableLength > MAX_BACKLOG_BYTES) this.#cutOff();
  }

  /** A holder that is gone, does not read what it is told, or whose token was withdrawn. */
  #cutOff(): void {
    this.#cut = true;
    this.#request.socket.destroy();
  }
}
