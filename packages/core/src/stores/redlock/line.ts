import type { Applicant } from "./applicant.js";
import type { StoredDefinition } from "./records.js";
import { FreeSlots } from "./slots.js";
import { inOrder, type SeenWaiter, type View } from "./view.js";

/** Waiters of a higher priority come before all of a lower one. */
const placesOfPriority = 2 ** 41;

/** An applicant whose turn it is, and the slots to ask for. */
export interface Served {
  readonly applicant: Applicant;
  readonly slots: readonly number[];
}

/**
 * Who may ask for slots now: as far as the permits go, in the order of the queue; those of other processes have theirs
 * reserved; newcomers come behind all that wait. The order is kept as well as a look at the masters allows.
 */
export function serve(
  applicants: readonly Applicant[],
  process: string,
  { limit }: StoredDefinition,
  view: View,
  leftovers: ReadonlySet<string>,
): Served[] {
  const free = new FreeSlots(limit, view, leftovers);
  const served: Served[] = [];
  for (const next of lineOf(applicants, process, view)) {
    const permits = "record" in next ? next.record.permits : next.request.permits;
    if (permits > free.room) break;
    if ("record" in next) free.reserve(permits);
    else served.push({ applicant: next, slots: free.take(permits) });
  }
  return served;
}

function lineOf(applicants: readonly Applicant[], process: string, view: View): (Applicant | SeenWaiter)[] {
  const own = new Set(applicants.map(({ lease }) => lease));
  const others = view.waiters.filter(({ lease, record }) => !own.has(lease) && record.process !== process);
  const queued: (SeenWaiter | PlacedApplicant)[] = [...others, ...applicants.filter(isPlaced)];
  return [...queued.sort(inOrder), ...applicants.filter((applicant) => !isPlaced(applicant))];
}

type PlacedApplicant = Applicant & { readonly place: number };

function isPlaced(applicant: Applicant): applicant is PlacedApplicant {
  return applicant.place !== undefined;
}

/** Queues the applicant behind all that the masters know of. */
export function queue(applicant: Applicant, ticket: number, { now }: View): void {
  applicant.ticket = ticket;
  applicant.place = ticket - applicant.request.priority * placesOfPriority;
  applicant.since = now;
}

/** Another process has queued the same lease before: its place goes to the later attempt. */
export function takePlaceOf(applicant: Applicant, { place, record }: SeenWaiter): void {
  applicant.place = place;
  applicant.since = record.since;
}
