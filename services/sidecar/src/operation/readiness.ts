import type { ReadinessAnswer } from "@sluice/client/shapes";
import type { Store } from "@sluice/core";
import type { ConfigCondition } from "../config/configuration.js";
import { msLeft, type Recovery } from "./recovery.js";

/** A probe must answer sooner than whoever probes gives up. */
const PING_MS = 1_000;

type Components = ReadinessAnswer["components"];

/** What is known of a sidecar's parts without asking. */
export interface Health {
  /** Undefined where no file declares semaphores. */
  readonly config: ConfigCondition | undefined;
  /** Of the store; undefined while there is none. */
  readonly recovery: Recovery | undefined;
  /** Strangers may ask, and are not told where the store is; false when left out. */
  readonly isDiscreet?: boolean | undefined;
}

/** As `Health`, of the sidecar as a whole. */
export interface Condition extends Health {
  readonly store: Store;
  readonly draining: boolean;
  readonly leasesHeld: number;
}

/**
 * Whether the sidecar can be sent work to, and how each of its parts is; within about a second, whatever the store does.
 *
 * A store that recovers makes no sidecar unready: holders have to reach one to claim their leases again, and who asks
 * for permits is queued.
 */
export async function readinessOf(condition: Condition): Promise<ReadinessAnswer> {
  const { config, recovery, draining, leasesHeld, isDiscreet = false } = condition;
  const store = await storeComponent(condition.store, isDiscreet);
  const isReady = store.status === "up" && config?.status !== "pending";
  return {
    status: draining ? "draining" : isReady ? "ready" : "unavailable",
    components: {
      store,
      ...(config !== undefined && { config: configComponent(config, isDiscreet) }),
      recovery:
        recovery === undefined
          ? { status: "idle" }
          : { status: "active", detail: `grants resume in at most ${msLeft(recovery)} ms` },
      drain: draining ? { status: "active", detail: `leases still held: ${leasesHeld}` } : { status: "idle" },
    },
  };
}

async function storeComponent(store: Store, isDiscreet: boolean): Promise<Components["store"]> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const judge = () => reject(new Error(`no answer within ${PING_MS} ms`));
    // In a process that stood still the timer comes before the answer that has arrived meanwhile, which is read first.
    timer = setTimeout(() => setImmediate(judge), PING_MS);
  });
  try {
    await Promise.race([store.ping(), tooLate]);
    return { status: "up" };
  } catch (error) {
    return { status: "down", detail: isDiscreet ? "the store does not answer" : (error as Error).message };
  } finally {
    clearTimeout(timer);
  }
}

function configComponent(
  { status, reason }: ConfigCondition,
  isDiscreet: boolean,
): NonNullable<Components["config"]> {
  switch (status) {
    case "applied":
      return { status };
    case "pending":
      return { status, detail: `the store has not taken it yet${isDiscreet ? "" : because(reason)}` };
    case "outdated":
      return { status, detail: "the file has become bad; what it declared before holds. The log says more" };
  }
}

function because(reason: string | undefined): string {
  return reason === undefined ? "" : `: ${reason}`;
}
