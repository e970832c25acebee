import type { ComponentChildren } from "preact";
import { longestWaitMs, type Told } from "../fleet/fleet.js";
import { UseBar } from "../semaphores/use-bar.js";
import { ageWords, settingWords } from "../words/durations.js";
import { numberWords } from "../words/numbers.js";

interface FactsProps {
  readonly told: Told;
  readonly now: number;
}

/** The numbers of one semaphore. */
export function Facts({ told, now }: FactsProps) {
  const { status } = told;
  const { limit, waiting, leaseMs, version, grantsTotal, lapsesTotal, revocationsTotal } = status;
  return (
    <dl class="facts">
      <Fact name="In use" kind="use">
        <UseBar status={status} />
      </Fact>
      <Fact name="Limit">{numberWords(limit)}</Fact>
      <Fact name="Waiting" kind={waiting > 0 ? "some-wait" : undefined}>
        {numberWords(waiting)}
      </Fact>
      <Fact name="Longest wait">{waiting > 0 ? ageWords(longestWaitMs(told, now)) : "–"}</Fact>
      <Fact name="Default lease">{settingWords(leaseMs)}</Fact>
      <Fact name="Version">{numberWords(version)}</Fact>
      <Fact name="Grants">{numberWords(grantsTotal)}</Fact>
      <Fact name="Lapses">{numberWords(lapsesTotal)}</Fact>
      <Fact name="Revocations">{numberWords(revocationsTotal)}</Fact>
    </dl>
  );
}

interface FactProps {
  readonly name: string;
  readonly kind?: string | undefined;
  readonly children: ComponentChildren;
}

function Fact({ name, kind = "", children }: FactProps) {
  return (
    <div class={kind}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
