/** An acquire, as messages name it: `worker-2#17`. */
export interface CallName {
  readonly process: string;
  readonly call: number;
}

/** A stretch of the host's monotonic clock, in milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** One way in which a history breaks a promise, with those who show it. */
export type Finding =
  /** More permits were believed in than the limit allowed. `grant` is the one that went over. */
  | (Span & {
      readonly kind: "over";
      readonly permits: number;
      readonly limit: number;
      readonly grant: CallName;
    })
  /** One lease was granted to two acquires. */
  | { readonly kind: "lease granted twice"; readonly lease: string; readonly calls: readonly CallName[] }
  /** One fence was given to two leases. */
  | { readonly kind: "fence repeated"; readonly fence: number; readonly calls: readonly CallName[] }
  /** A lease was asked for after another one was in hand, and bears a lower fence. */
  | {
      readonly kind: "fence went back";
      readonly earlier: CallName;
      readonly earlierFence: number;
      readonly later: CallName;
      readonly laterFence: number;
    }
  /** `by` was asked for after `waiter` was queued, has no higher priority, and was granted first. */
  | {
      readonly kind: "overtaken";
      readonly waiter: CallName;
      readonly by: CallName;
      readonly queuedAt: number;
    }
  /** A living process's acquire was never answered. */
  | { readonly kind: "waiter lost"; readonly waiter: CallName; readonly waitedMs: number }
  /** No order of the operations within their times explains their outcomes. */
  | {
      readonly kind: "not linearizable";
      readonly longestPrefix: number;
      readonly stuckAt: readonly string[];
    };

/** What a finding says, in one line. */
export function describeFinding(finding: Finding): string {
  switch (finding.kind) {
    case "over": {
      const { from, to, permits, limit, grant } = finding;
      const lasted = (to - from).toFixed(3);
      return `over: ${permits} permits were believed in under a limit of ${limit}, for ${lasted} ms from ${from}, when ${name(grant)} was granted`;
    }
    case "lease granted twice":
      return `lease granted twice: ${finding.lease} to ${finding.calls.map(name).join(" and ")}`;
    case "fence repeated":
      return `fence repeated: ${finding.fence} was given to ${finding.calls.map(name).join(" and ")}`;
    case "fence went back": {
      const { earlier, earlierFence, later, laterFence } = finding;
      return `fence went back: ${name(earlier)} had ${earlierFence} before ${name(later)} was asked for, which got ${laterFence}`;
    }
    case "overtaken": {
      const { waiter, by, queuedAt } = finding;
      return `overtaken: ${name(waiter)} was queued at ${queuedAt}, and ${name(by)}, which was asked for later, was granted first`;
    }
    case "waiter lost":
      return `waiter lost: ${name(finding.waiter)} was not answered for ${finding.waitedMs.toFixed(0)} ms, and its process lived`;
    case "not linearizable":
      return `not linearizable: no order explains more than ${finding.longestPrefix} operations; then none of these fits: ${finding.stuckAt.join("; ")}`;
  }
}

function name({ process, call }: CallName): string {
  return `${process}#${call}`;
}
