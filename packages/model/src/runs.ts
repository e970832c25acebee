/** What a run shows never to happen, or always to happen; the models say what each of them means. */
export type Property = "over" | "twice" | "broken" | "slow" | "served" | "stuck";

/** One model with its switches, searched as a whole. */
export interface Run {
  readonly name: string;
  readonly model: "store" | "retry";
  /** Preprocessor switches: `PROCESSES=3`. */
  readonly switches: readonly string[];
  readonly properties: readonly Property[];
  /** What happens in it. */
  readonly about: string;
}

/** A run with one guard left out, which must find a property violated. */
export interface Mutant {
  readonly guard: string;
  readonly run: Run;
  readonly property: Property;
}

const faults = ["URGENT", "FAULTS=2"];

const anything: Run = {
  name: "anything",
  model: "store",
  switches: ["PROCESSES=2", "LEASE=3"],
  properties: ["over", "twice", "stuck"],
  about: "two processes; any delay, any number of any faults",
};

const three: Run = {
  name: "three",
  model: "store",
  switches: ["PROCESSES=3", ...faults],
  properties: ["over", "twice", "broken", "stuck"],
  about: "three processes, limit 1; two faults of any kind",
};

const twoPermits: Run = {
  ...three,
  name: "two permits",
  switches: ["PROCESSES=3", "LIMIT=2", ...faults],
  about: "three processes, limit 2; two faults of any kind",
};

const inTheEnd: Run = {
  name: "in the end",
  model: "store",
  switches: [...three.switches, "SERVED"],
  properties: ["served", "over", "twice", "broken"],
  about: "three processes, limit 1; two faults of any kind; liveness",
};

const host: Run = {
  name: "host",
  model: "store",
  switches: ["PROCESSES=4", "URGENT", "FAULTS=1", "VANISH"],
  properties: ["slow", "over", "twice", "stuck"],
  about: "a host with a holder and two waiters vanishes before a third",
};

const retry: Run = {
  name: "retry",
  model: "retry",
  switches: ["ATTEMPTS=3"],
  properties: ["over", "stuck"],
  about: "a caller tries at three sidecars, and a rival; any delay",
};

export const runs: readonly Run[] = [anything, three, twoPermits, inTheEnd, host, retry];

/** The shortest lease shows it, too, and sooner. */
const briefly: Run = { ...anything, switches: ["PROCESSES=2", "LEASE=2"] };

export const mutants: readonly Mutant[] = [
  { guard: "NO_RECOVERY_PAUSE", run: briefly, property: "over" },
  { guard: "NO_CLAIM", run: three, property: "broken" },
  { guard: "NO_HEARTBEAT_CHECK", run: host, property: "slow" },
  { guard: "NO_NAMED_IDS", run: briefly, property: "twice" },
  { guard: "NO_ATTEMPT_NONCE", run: retry, property: "over" },
  { guard: "NO_CLOCK_PAIR", run: briefly, property: "over" },
  { guard: "NO_AGAIN", run: retry, property: "over" },
  { guard: "NO_BATCH_NUMBERS", run: briefly, property: "twice" },
  { guard: "NO_DIGEST", run: inTheEnd, property: "served" },
];
