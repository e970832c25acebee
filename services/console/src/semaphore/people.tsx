import { useState } from "preact/hooks";
import { useNow } from "../live/clock.js";
import { FilterBox } from "../table/filter-box.js";
import type { Inspection, SeenLease } from "./inspection.js";
import { LeaseTable } from "./lease-table.js";
import { RevokeQuestion } from "./revoke-question.js";
import { WaiterTable } from "./waiter-table.js";
import type { Watch } from "./watch.js";

interface PeopleProps {
  readonly inspection: Inspection;
  readonly operates: boolean;
  readonly name: string;
  readonly watch: Watch;
  /** When what is shown was so, by the page's own clock; undefined where it is live. */
  readonly asOf: number | undefined;
}

/** Who holds it, and who waits. */
export function People({ inspection, operates, name, watch, asOf }: PeopleProps) {
  const ticking = useNow();
  const now = asOf ?? ticking;
  const [filter, setFilter] = useState("");
  const [asked, setAsked] = useState<SeenLease>();
  const [revoked, setRevoked] = useState<ReadonlySet<number>>(new Set());
  const done = ({ fence }: SeenLease) => {
    setRevoked(new Set([...revoked, fence]));
    watch.hurry();
  };
  return (
    <>
      <div class="above">
        <FilterBox label="Filter by holder" value={filter} change={setFilter} />
        {inspection.isCut && <p class="note">Shown are the first ten thousand.</p>}
      </div>
      <div class="people">
        <LeaseTable
          leases={inspection.leases}
          now={now}
          filter={filter}
          revoked={revoked}
          ask={operates ? setAsked : undefined}
        />
        <WaiterTable waiters={inspection.waiters} now={now} filter={filter} />
      </div>
      {asked !== undefined && (
        <RevokeQuestion
          semaphore={name}
          lease={asked}
          done={() => done(asked)}
          closed={() => setAsked(undefined)}
        />
      )}
    </>
  );
}
