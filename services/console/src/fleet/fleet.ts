import type { FeedEvents, StatusAnswer } from "@sluice/client/shapes";

/** A status, and when it was told: ages are counted on from there. */
export interface Told {
  readonly status: StatusAnswer;
  /** By the page's own clock, in milliseconds. */
  readonly at: number;
}

export type Semaphores = ReadonlyMap<string, Told>;

/** The store does not answer. */
export interface Absence {
  /** When this page learned of it. */
  readonly since: number;
  readonly detail: string | undefined;
}

/** Nothing is granted, because leases may have been lost. */
export interface Recovery {
  readonly since: number;
  /** When it will be over; undefined where the sidecar does not say. */
  readonly until: number | undefined;
  readonly cause: string | undefined;
}

export type Caller = FeedEvents["caller"];

/** Everything that the sidecar has told since the page was opened. */
export interface Fleet {
  /** Undefined until the first look. */
  readonly semaphores: Semaphores | undefined;
  readonly absence: Absence | undefined;
  readonly recovery: Recovery | undefined;
  /** When the sidecar told that it is about to end. */
  readonly drainingSince: number | undefined;
  /** Undefined until it is told. */
  readonly caller: Caller | undefined;
}

export const unknownFleet: Fleet = {
  semaphores: undefined,
  absence: undefined,
  recovery: undefined,
  drainingSince: undefined,
  caller: undefined,
};

/** What has been told, with the event's name as it stands in the stream: a newer sidecar may tell of more. */
export interface FleetEvent {
  readonly name: string;
  readonly data: unknown;
}

/** The fleet after an event that came at `at`. An event that this page does not know changes nothing. */
export function fleetAfter(fleet: Fleet, { name, data }: FleetEvent, at: number): Fleet {
  switch (name) {
    case "semaphores":
      return {
        ...fleet,
        absence: undefined,
        semaphores: toldAt(new Map(), (data as Changed).semaphores, at),
      };
    case "changed":
      return { ...fleet, semaphores: toldAt(new Map(fleet.semaphores), (data as Changed).semaphores, at) };
    case "removed":
      return { ...fleet, semaphores: without(fleet.semaphores, (data as FeedEvents["removed"]).names) };
    case "store":
      return { ...fleet, absence: absenceAfter(fleet.absence, data as FeedEvents["store"], at) };
    case "recovery":
      return { ...fleet, recovery: recoveryAfter(fleet.recovery, data as RecoveryTold, at) };
    case "draining":
      return { ...fleet, drainingSince: at };
    case "caller":
      // The first event of a stream: what is wrong now is told anew.
      return { ...fleet, caller: data as Caller, recovery: undefined, drainingSince: undefined };
    default:
      return fleet;
  }
}

/** How long the longest waiter of a semaphore has waited by now, in milliseconds; 0 without waiters. */
export function longestWaitMs({ status, at }: Told, now: number): number {
  return status.waiting === 0 ? 0 : status.oldestWaiterMs + (now - at);
}

type Changed = FeedEvents["changed"];

type RecoveryTold = FeedEvents["recovery"];

function toldAt(semaphores: Map<string, Told>, statuses: readonly StatusAnswer[], at: number): Semaphores {
  for (const status of statuses) semaphores.set(status.semaphore, { status, at });
  return semaphores;
}

function without(semaphores: Semaphores | undefined, names: readonly string[]): Semaphores | undefined {
  if (semaphores === undefined) return undefined;
  const rest = new Map(semaphores);
  for (const name of names) rest.delete(name);
  return rest;
}

/** Told again, an absence is the same one. */
function absenceAfter(
  before: Absence | undefined,
  store: FeedEvents["store"],
  at: number,
): Absence | undefined {
  return store.up ? undefined : { since: before?.since ?? at, detail: store.detail };
}

function recoveryAfter(
  before: Recovery | undefined,
  { active, untilMs, cause }: RecoveryTold,
  at: number,
): Recovery | undefined {
  if (!active) return undefined;
  return { since: before?.since ?? at, until: untilMs === undefined ? undefined : at + untilMs, cause };
}
