import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { Access } from "../access/access.js";
import type { Place } from "../access/place.js";
import { Connection, type ConnectionState } from "../events/connection.js";
import { type Fleet, fleetAfter, unknownFleet } from "../fleet/fleet.js";
import { Histories } from "../history/histories.js";
import { Cell } from "../live/cell.js";
import { now } from "../live/clock.js";
import { onWake } from "../live/wake.js";
import { Sidecar } from "../sidecar/sidecar.js";

/** Everything that the page knows, and the way to the sidecar. */
export interface Desk {
  readonly access: Access;
  readonly sidecar: Sidecar;
  readonly connection: Connection;
  readonly connectionState: Cell<ConnectionState>;
  readonly fleet: Cell<Fleet>;
  readonly histories: Histories;
  /** When the sidecar was heard last, by the page's own clock. */
  readonly heard: { at: number };
  /** What has been done, for everybody to hear. */
  readonly announcement: Cell<string>;
  /** Forgets the token and all that was told. */
  signOut(): void;
}

/** Wires the parts; connects to nothing yet. */
export function openDesk(tokens: Place): Desk {
  const access = new Access(tokens);
  const sidecar = new Sidecar(access);
  const connectionState = new Cell<ConnectionState>({ is: "connecting" });
  const fleet = new Cell<Fleet>(unknownFleet);
  const histories = new Histories();
  const heard = { at: now() };
  const connection = new Connection({
    state: connectionState,
    ears: {
      heard() {
        heard.at = now();
      },
      told(event) {
        const at = now();
        const before = fleet.value;
        const next = fleetAfter(before, event, at);
        if (next.absence !== undefined) histories.pause(at);
        else if (isNews(before, next)) histories.record(next.semaphores ?? new Map(), at);
        fleet.set(next);
      },
    },
    open: (signal) => sidecar.events(signal),
    accepted: () => access.accepted(),
    forbidden: (problem) => access.refused(problem, access.token),
  });
  connectionState.listen(() => {
    if (connectionState.value.is !== "live") histories.pause(heard.at);
  });
  onWake(() => {
    // The page's clock may have slept, too: what was before has no place on it.
    histories.forgetAll();
    connection.wake();
  });
  return {
    access,
    sidecar,
    connection,
    connectionState,
    fleet,
    histories,
    heard,
    announcement: new Cell(""),
    signOut() {
      connection.stop();
      connectionState.set({ is: "refused" });
      fleet.set(unknownFleet);
      histories.forgetAll();
      access.signOut();
    },
  };
}

/** Whether it is known how the semaphores are, other than before. */
function isNews(before: Fleet, next: Fleet): boolean {
  return next.semaphores !== before.semaphores || before.absence !== undefined;
}

export const DeskContext = createContext<Desk | undefined>(undefined);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === undefined) throw new Error("drawn outside of the page");
  return desk;
}

/** Whether the caller may change what others have. Where nobody needs a token, everybody may. */
export function mayOperate({ caller }: Fleet, token: string | undefined): boolean {
  return caller?.scopes.includes("operate") ?? token === undefined;
}
