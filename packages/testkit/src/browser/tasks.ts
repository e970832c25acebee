/** A piece of work that a thread does in one go: meanwhile the page answers no key and no pointer. */
export interface MainThreadTask {
  /** What the thread itself computed, in milliseconds: no more on a busy machine than on an idle one. */
  readonly cpuMs: number;
  /** From begin to end, in milliseconds, with the time in which others had the processor. */
  readonly wallMs: number;
}

/** Before its first task and after its last one a page may rest. */
const LEAST_SHARE = 0.5;

/** As the trace event format has it; times in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/**
 * The tasks of the main threads of pages, longest CPU time first.
 *
 * @param lastedMs how long there was something to trace
 * @throws Error where the trace holds none, or not all: it ends where its memory is full
 */
export function tasksIn(trace: string, lastedMs: number): readonly MainThreadTask[] {
  const { traceEvents } = JSON.parse(trace) as { readonly traceEvents: readonly TraceEvent[] };
  const threads = new Set(traceEvents.filter(namesMainThread).map(threadOf));
  const tasks = traceEvents.filter((event) => isTask(event) && threads.has(threadOf(event)));
  if (tasks.length === 0) throw new Error("the trace holds no task of a page's main thread");
  const tracedMs = spanMs(tasks);
  if (tracedMs < lastedMs * LEAST_SHARE)
    throw new Error(`the trace holds ${tracedMs} ms of ${lastedMs} ms of the page's main thread`);
  return tasks.map(measured).sort((one, other) => other.cpuMs - one.cpuMs);
}

function spanMs(events: readonly TraceEvent[]): number {
  let [from, to] = [Number.POSITIVE_INFINITY, 0];
  for (const { ts, dur = 0 } of events) {
    from = Math.min(from, ts);
    to = Math.max(to, ts + dur);
  }
  return (to - from) / 1_000;
}

function namesMainThread({ name, args }: TraceEvent): boolean {
  return name === "thread_name" && args?.name === "CrRendererMain";
}

/**
 * The one that the developer tools show, which includes the promises that a task settles; `ThreadControllerImpl::RunTask`,
 * of the category `toplevel`, leaves them out, and with them nearly all that happens after an `await`.
 */
function isTask({ name, ph, dur, tdur }: TraceEvent): boolean {
  return name === "RunTask" && ph === "X" && dur !== undefined && tdur !== undefined;
}

function threadOf({ pid, tid }: TraceEvent): string {
  return `${pid}:${tid}`;
}

function measured({ dur = 0, tdur = 0 }: TraceEvent): MainThreadTask {
  return { cpuMs: tdur / 1_000, wallMs: dur / 1_000 };
}
