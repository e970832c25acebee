import type { Socket } from "node:net";
import { reset } from "./reset.js";
import { carryAll, TcpProxy } from "./tcp-proxy.js";

/** How a connection fails, and when. */
export interface Failure {
  /** So long after it was made, unless an answer has come before. */
  readonly afterMs: number;
  /** So long after the first word of an answer. */
  readonly afterAnswerMs: number;
  /**
   * - both: both ends are told at once
   * - sidecar: the sidecar is told, and the caller a while later
   * - silence: neither end hears anything for a while, then both are told
   */
  readonly manner: "both" | "sidecar" | "silence";
}

/** How much later an end is told. */
const LATER_MS = 100;

/**
 * A network between callers and a sidecar in which every connection fails.
 *
 * @param nextFailure asked once for each connection
 */
export function frailNetwork(target: string, nextFailure: () => Failure): TcpProxy {
  return new TcpProxy(target, (caller, sidecar) => carry(caller, sidecar, nextFailure()));
}

function carry(caller: Socket, sidecar: Socket, { afterMs, afterAnswerMs, manner }: Failure): void {
  carryAll(caller, sidecar);
  const fail = () => failBy(manner, caller, sidecar);
  let failing = setTimeout(fail, afterMs);
  sidecar.once("data", () => {
    clearTimeout(failing);
    failing = setTimeout(fail, afterAnswerMs);
  });
}

function failBy(manner: Failure["manner"], caller: Socket, sidecar: Socket): void {
  caller.unpipe(sidecar).pause();
  sidecar.unpipe(caller).pause();
  // One end's close must not tell the other one yet.
  sidecar.removeAllListeners("close");
  if (manner !== "silence") reset(sidecar);
  if (manner === "both") reset(caller);
  else
    setTimeout(() => {
      reset(caller);
      reset(sidecar);
    }, LATER_MS);
}
