import { useEffect, useState } from "preact/hooks";
import type { Told } from "../fleet/fleet.js";
import { useNow } from "../live/clock.js";
import { useCell } from "../live/use-cell.js";
import { Tags } from "../semaphores/tags.js";
import { AsOf } from "../shell/as-of.js";
import { mayOperate, useDesk } from "../shell/desk.js";
import { Heading } from "../shell/heading.js";
import { home } from "../shell/route.js";
import { sentenceOf } from "../sidecar/refusal.js";
import { Facts } from "./facts.js";
import type { Inspection } from "./inspection.js";
import { People } from "./people.js";
import { ResizeQuestion } from "./resize-question.js";
import { Trend } from "./trend.js";
import { Watch } from "./watch.js";

interface SemaphorePageProps {
  readonly name: string;
  /** When what is shown was so, by the page's own clock; undefined where it is live. */
  readonly asOf: number | undefined;
}

/** One semaphore, with those who hold it and those who wait. */
export function SemaphorePage({ name, asOf }: SemaphorePageProps) {
  const { access, fleet } = useDesk();
  const known = useCell(fleet);
  const { token } = useCell(access.admission);
  const watch = useWatch(name);
  const { inspection, isUnknown, problem } = useCell(watch.view);
  const told = isUnknown ? undefined : newestOf(known.semaphores?.get(name), inspection);
  const operates = mayOperate(known, token);
  return (
    <>
      <a class="back" href={home}>
        <span aria-hidden="true">← </span>All semaphores
      </a>
      <div class="above">
        <Heading>{name}</Heading>
        {told && <Tags status={told.status} />}
        {asOf !== undefined && <AsOf at={asOf} />}
        {told && operates && <Resize told={told} watch={watch} />}
      </div>
      {isUnknown && <p class="empty">There is no semaphore of this name, or not any more.</p>}
      {!isUnknown && problem !== undefined && asOf === undefined && (
        <p class="problem">{sentenceOf(problem)}</p>
      )}
      {told && <Numbers told={told} asOf={asOf} />}
      {told && !operates && <p class="note">Resizing and revoking take a token with the scope operate.</p>}
      {inspection && (
        <People inspection={inspection} operates={operates} name={name} watch={watch} asOf={asOf} />
      )}
    </>
  );
}

function Numbers({ told, asOf }: { readonly told: Told; readonly asOf: number | undefined }) {
  const { histories, heard } = useDesk();
  const now = Math.max(useNow(), heard.at);
  return (
    <>
      <Facts told={told} now={asOf ?? now} />
      <Trend history={histories.of(told.status.semaphore)} now={asOf ?? now} />
    </>
  );
}

function Resize({ told, watch }: { readonly told: Told; readonly watch: Watch }) {
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <button type="button" class="resize" onClick={() => setAsking(true)}>
        Resize…
      </button>
      {isAsking && (
        <ResizeQuestion status={told.status} done={() => watch.hurry()} closed={() => setAsking(false)} />
      )}
    </>
  );
}

function useWatch(name: string): Watch {
  const { sidecar, fleet } = useDesk();
  const [watch] = useState(() => new Watch(sidecar, fleet, name));
  useEffect(() => watch.start(), [watch]);
  return watch;
}

function newestOf(told: Told | undefined, inspection: Inspection | undefined): Told | undefined {
  if (inspection === undefined || (told !== undefined && told.at > inspection.at)) return told;
  return inspection;
}
