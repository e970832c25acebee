import type { CallName, Finding } from "./findings.js";
import type { Acquire } from "./history.js";

/** An acquire that was granted with a fence. */
export type Fenced = Acquire & { readonly fence: number };

/** Those of `acquires` that were granted with a fence. */
export function fencedOf(acquires: readonly Acquire[]): Fenced[] {
  return acquires.filter((acquire): acquire is Fenced => acquire.fence !== undefined);
}

/** Leases that were granted to more than one acquire. */
export function* judgeLeases(granted: readonly Acquire[]): Generator<Finding> {
  for (const [lease, calls] of repeated(granted, ({ lease }) => lease)) {
    yield { kind: "lease granted twice", lease, calls };
  }
}

/**
 * Fences that repeat or go back. From outside the order of two grants is certain where one lease was in hand before
 * the other was asked for.
 */
export function* judgeFences(granted: readonly Fenced[]): Generator<Finding> {
  for (const [fence, calls] of repeated(granted, ({ fence }) => fence)) {
    yield { kind: "fence repeated", fence, calls };
  }
  yield* fencesThatWentBack(granted);
}

function* fencesThatWentBack(granted: readonly Fenced[]): Generator<Finding> {
  const inHand = [...granted].sort((one, other) => one.answeredAt - other.answeredAt);
  let next = 0;
  let highest: Fenced | undefined;
  for (const later of granted) {
    for (
      let earlier = inHand[next];
      earlier && earlier.answeredAt < later.invokedAt;
      earlier = inHand[++next]
    ) {
      if (highest === undefined || earlier.fence > highest.fence) highest = earlier;
    }
    if (highest === undefined || highest.fence <= later.fence) continue;
    yield {
      kind: "fence went back",
      earlier: nameOf(highest),
      earlierFence: highest.fence,
      later: nameOf(later),
      laterFence: later.fence,
    };
  }
}

/** What several acquires have in common, with their names. */
function repeated<Key>(
  acquires: readonly Acquire[],
  keyOf: (acquire: Acquire) => Key | undefined,
): Map<Key, CallName[]> {
  const first = new Map<Key, Acquire>();
  const more = new Map<Key, CallName[]>();
  for (const acquire of acquires) {
    const key = keyOf(acquire);
    if (key === undefined) continue;
    const before = first.get(key);
    if (before === undefined) first.set(key, acquire);
    else more.set(key, [...(more.get(key) ?? [nameOf(before)]), nameOf(acquire)]);
  }
  return more;
}

export function nameOf({ process, call }: Acquire): CallName {
  return { process, call };
}
