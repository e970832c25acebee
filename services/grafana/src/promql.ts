/**
 * The expressions of the panels. Two rules hold for all of them, and a test parses each to see that they do: what the
 * store says is the same in every process and is taken once, by `max` or `min`; what a process counts is added up, by
 * `sum`. They ask for the metrics themselves and not for recording rules, so that the dashboard works without them.
 */

/** Of one fleet: of the processes that share a store, which are one job to Prometheus. */
const fleet = 'job="$job"';
/** Of the semaphores that are chosen at the top. */
const chosen = 'semaphore=~"$semaphore"';

/** Without what semaphores share that have no metrics of their own: each process counts that from its own start. */
const named = 'semaphore!="other"';

/** Long enough for a rate at any resolution; Grafana derives it from the scrape interval of the data source. */
const window = "$__rate_interval";

/** A metric that has the label `semaphore`. @param and further matchers */
export function ofSemaphores(metric: string, and = ""): string {
  return selector(metric, `${fleet}, ${chosen}`, and);
}

/** A metric of the process itself. @param and further matchers */
export function ofProcesses(metric: string, and = ""): string {
  return selector(metric, fleet, and);
}

function selector(metric: string, matchers: string, and: string): string {
  return `${metric}{${and === "" ? matchers : `${matchers}, ${and}`}}`;
}

/** What the store says now, of each semaphore. */
export function stored(metric: string): string {
  return `max by (semaphore) (${ofSemaphores(metric)})`;
}

/** What the store has counted within the window of a rate, of each semaphore. */
export function storedIncrease(metric: string): string {
  return `max by (semaphore) (increase(${ofSemaphores(metric, named)}[${window}]))`;
}

/**
 * What the store has counted within the time range, of each semaphore. Processes that are younger than the range have
 * seen a part of it alone, and after a deployment all are: so first their highest is taken, and then how it grew.
 */
export function storedOverRange(metric: string): string {
  return `increase(max by (semaphore) (${ofSemaphores(metric, named)})[$__range:$__interval])`;
}

export function storedRate(metric: string): string {
  return `max by (semaphore) (rate(${ofSemaphores(metric, named)}[${window}]))`;
}

/** A second's worth of what all processes count. @param by the labels to tell apart */
export function rate(series: string, by = ""): string {
  return summed(`rate(${series}[${window}])`, by);
}

/** What all processes have counted within the window of a rate. @param by the labels to tell apart */
export function increase(series: string, by: string): string {
  return summed(`increase(${series}[${window}])`, by);
}

/**
 * Of what all processes have measured, the value that the fraction `q` stays below. Where nothing was measured that is
 * NaN, which tables would write out: it is left out.
 *
 * @param by the labels to tell apart
 */
export function quantile(q: number, buckets: string, by = ""): string {
  return `histogram_quantile(${q}, ${rate(buckets, by === "" ? "le" : `le, ${by}`)}) >= 0`;
}

/** The mean of what all processes have measured. @param histogram a metric of the process itself */
export function mean(histogram: string): string {
  return `${rate(ofProcesses(`${histogram}_sum`))} / ${rate(ofProcesses(`${histogram}_count`))} >= 0`;
}

/** The ten highest at each moment: a panel of a hundred lines shows nothing. */
export function highest(expression: string): string {
  return `topk(10, ${expression})`;
}

/** Seconds since a timestamp that the store keeps, of each semaphore; as the alerts have it, the oldest that is known. */
export function age(metric: string): string {
  return `time() - min by (semaphore) (${ofSemaphores(metric)})`;
}

function summed(expression: string, by: string): string {
  return by === "" ? `sum(${expression})` : `sum by (${by}) (${expression})`;
}
