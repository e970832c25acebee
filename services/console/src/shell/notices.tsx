import type { ComponentChildren } from "preact";
import type { ConnectionState } from "../events/connection.js";
import type { Absence, Fleet, Recovery } from "../fleet/fleet.js";
import { timeOfDay, useNow } from "../live/clock.js";
import { sentenceOf } from "../sidecar/refusal.js";
import { ageWords, leftWords } from "../words/durations.js";

interface NoticesProps {
  readonly connection: ConnectionState;
  readonly fleet: Fleet;
  /** How many semaphores say of themselves that they recover. */
  readonly recovering: number;
}

/** What is wrong with everything at once, and what that means. */
export function Notices({ connection, fleet, recovering }: NoticesProps) {
  const { absence, recovery, drainingSince } = fleet;
  if (connection.is === "unreachable") return <UnreachableNotice {...connection} />;
  if (connection.is === "draining") return <DrainingNotice {...connection} />;
  return (
    <>
      {drainingSince !== undefined && <DrainingNotice since={drainingSince} />}
      {absence !== undefined && <AbsenceNotice {...absence} />}
      {absence === undefined && (recovery !== undefined || recovering > 0) && (
        <RecoveryNotice recovery={recovery} />
      )}
    </>
  );
}

function AbsenceNotice({ since, detail }: Absence) {
  return (
    <Notice kind="bad" since={since}>
      <strong>The store is away.</strong> Nothing is granted until it answers again, and leases that cannot be
      renewed lapse. {detail !== undefined && sentenceOf(detail)}
    </Notice>
  );
}

function RecoveryNotice({ recovery }: { readonly recovery: Recovery | undefined }) {
  return (
    <Notice kind="warning" since={recovery?.since} until={recovery?.until}>
      <strong>Recovering.</strong> The store may have lost leases: nothing is granted until their holders have
      claimed them again or they would have lapsed.{" "}
      {recovery?.cause !== undefined && sentenceOf(recovery.cause)}
    </Notice>
  );
}

function UnreachableNotice({ since, retryAt, problem }: Extract<ConnectionState, { is: "unreachable" }>) {
  return (
    <Notice kind="bad" since={since} retryAt={retryAt}>
      <strong>The sidecar does not answer.</strong> Whoever calls it gets nothing from it either.{" "}
      {problem !== undefined && sentenceOf(problem)}
    </Notice>
  );
}

function DrainingNotice(times: Times) {
  return (
    <Notice kind="warning" {...times}>
      <strong>The sidecar is shutting down.</strong> It grants nothing any more, and keeps the leases of its
      callers while they finish.
    </Notice>
  );
}

interface NoticeProps extends Times {
  readonly kind: "bad" | "warning";
  readonly children: ComponentChildren;
}

interface Times {
  /** By the page's own clock. */
  readonly since: number | undefined;
  readonly until?: number | undefined;
  readonly retryAt?: number;
}

/** The times stand outside of the alert: what changes every second is not to be read aloud every second. */
function Notice({ kind, children, ...times }: NoticeProps) {
  return (
    <div class={`notice ${kind}`}>
      <p role="alert">{children}</p>
      <p class="times">{useTimes(times)}</p>
    </div>
  );
}

function useTimes({ since, until, retryAt }: Times): string {
  const now = useNow();
  const words = [
    since !== undefined && `for ${ageWords(now - since)}, since ${timeOfDay(since)}`,
    until !== undefined && (until > now ? `over in ${leftWords(until - now)}` : "about to be over"),
    retryAt !== undefined && (retryAt > now ? `trying again in ${leftWords(retryAt - now)}` : "trying again"),
  ];
  return words.filter((word) => word !== false).join(" · ");
}
