import type { AcquireRequest, Grant, LossReason, Store } from "@sluice/core";
import { until } from "@sluice/testkit";
import { request } from "./acquires.js";
import type { Said } from "./fake-sessions.js";
import type { FakeSidecar } from "./fake-sidecar.js";

/** A lease as its holder sees it. */
export interface Holder {
  readonly grant: Grant;
  readonly losses: LossReason[];
  /** When its loss was told; NaN before. */
  readonly lostAt: number;
  /** Until when it was said to be confirmed, each time. */
  readonly confirmations: number[];
  /** When that was said, each time. */
  readonly confirmedAt: number[];
  /** Until when it may be believed now. */
  readonly believedUntil: () => number;
}

/** Acquires a lease, which the latest session of the sidecar grants. */
export async function hold(
  store: Store,
  sidecar: FakeSidecar,
  { leaseMs = 10_000, ...wish }: Partial<AcquireRequest> = {},
): Promise<Holder> {
  const losses: LossReason[] = [];
  let lostAt = Number.NaN;
  const confirmations: number[] = [];
  const confirmedAt: number[] = [];
  const asked = store.acquire(
    request({
      waitMs: 10_000,
      ...wish,
      onLost: (reason) => {
        losses.push(reason);
        lostAt = performance.now();
      },
      onRenewed: (validUntil) => {
        confirmations.push(validUntil);
        confirmedAt.push(performance.now());
      },
    }),
  );
  await sidecar.sessions.open();
  const session = await sidecar.sessions.open(sidecar.sessions.opened.length);
  const isOurs = ({ idempotencyKey }: Said) => idempotencyKey === (wish.lease ?? "the-key");
  const message = await until(() => session.all("acquire").find(isOurs), { what: "the acquire" });
  session.grant(message, { leaseMs, expiresInMs: leaseMs });
  const grant = await asked;
  if (grant.outcome !== "granted") throw new Error(grant.outcome);
  const believedUntil = () => confirmations.at(-1) ?? grant.validUntil;
  return {
    grant,
    losses,
    get lostAt() {
      return lostAt;
    },
    confirmations,
    confirmedAt,
    believedUntil,
  };
}
