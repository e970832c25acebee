import { useEffect, useMemo } from "preact/hooks";
import { TokenForm } from "../access/token-form.js";
import { useCell } from "../live/use-cell.js";
import { SemaphorePage } from "../semaphore/semaphore-page.js";
import { SemaphoresPage } from "../semaphores/semaphores-page.js";
import { totalsOf } from "../semaphores/totals.js";
import { Announcer } from "./announcer.js";
import { useDesk } from "./desk.js";
import { Head } from "./head.js";
import { useFilterKey } from "./keys.js";
import { Notices } from "./notices.js";
import { type Route, useRoute } from "./route.js";

/** The whole page. */
export function Page() {
  const { access, connectionState, fleet, heard } = useDesk();
  const { asks } = useCell(access.admission);
  const connection = useCell(connectionState);
  const told = useCell(fleet);
  const route = useRoute();
  const { semaphores } = told;
  const totals = useMemo(() => semaphores && totalsOf(semaphores), [semaphores]);
  useFilterKey();
  useTitle(route);
  if (asks) {
    return (
      <>
        <Head totals={undefined} />
        <Notices connection={connection} fleet={told} recovering={0} />
        <TokenForm />
      </>
    );
  }
  const isOld = connection.is !== "live" || told.absence !== undefined;
  const asOf = isOld ? (told.absence?.since ?? heard.at) : undefined;
  return (
    <>
      <Head totals={totals} />
      <Notices connection={connection} fleet={told} recovering={totals?.recovering ?? 0} />
      <main class={isOld ? "is-old" : ""}>
        {route.page === "semaphores" ? (
          <SemaphoresPage asOf={asOf} />
        ) : (
          <SemaphorePage key={route.name} name={route.name} asOf={asOf} />
        )}
      </main>
      <Announcer />
    </>
  );
}

function useTitle(route: Route): void {
  const title = route.page === "semaphore" ? `Sluice · ${route.name}` : "Sluice · Semaphores";
  useEffect(() => {
    document.title = title;
  }, [title]);
}
