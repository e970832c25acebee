import type { Sample } from "./history.js";

/** The size of what is drawn into, in its own units. */
export interface Frame {
  readonly width: number;
  readonly height: number;
}

export interface Outline {
  /** The permits in use, as an area. */
  readonly inUse: string;
  /** The same area, where somebody waited. */
  readonly waiting: string;
  /** The limit, as a line. */
  readonly limit: string;
  /** What the top of the frame stands for. */
  readonly most: number;
}

/** Above the limit's line, so that the whole of it is seen. */
const HEADROOM = 2;
/** How high somebody's wait is drawn at least: also where all wait and nobody holds anything. */
const LEAST = 2;

interface Step extends Sample {
  readonly left: number;
  readonly right: number;
}

/**
 * SVG paths of what a history tells from `from` to `to`: steps, because permits are whole and change at once.
 */
export function outlineOf(samples: readonly Sample[], from: number, to: number, frame: Frame): Outline {
  const most = Math.max(1, ...samples.map(({ inUse, limit }) => Math.max(inUse, limit)));
  const steps = stepsOf(samples, from, to, frame.width);
  const y = (value: number) => round(frame.height - (value / most) * (frame.height - HEADROOM));
  const top = ({ inUse, waiting }: Step) =>
    Math.min(y(inUse), waiting > 0 ? frame.height - LEAST : frame.height);
  return {
    inUse: runsOf(steps, ({ inUse }) => inUse > 0)
      .map((run) => area(run, top, frame.height))
      .join(""),
    waiting: runsOf(steps, ({ waiting }) => waiting > 0)
      .map((run) => area(run, top, frame.height))
      .join(""),
    limit: runsOf(steps, ({ isKnown }) => isKnown)
      .map((run) => line(run, y))
      .join(""),
    most,
  };
}

function stepsOf(samples: readonly Sample[], from: number, to: number, width: number): Step[] {
  const x = (at: number) => round(Math.max(0, Math.min(1, (at - from) / (to - from))) * width);
  return samples.map((sample, index) => ({
    ...sample,
    left: x(sample.at),
    right: x(samples[index + 1]?.at ?? to),
  }));
}

/** Neighbours of a kind make one area: drawn one by one they would show seams. */
function runsOf(steps: readonly Step[], belongs: (step: Step) => boolean): Step[][] {
  const runs: Step[][] = [];
  let run: Step[] = [];
  for (const step of steps) {
    if (!belongs(step)) run = [];
    else if (run.push(step) === 1) runs.push(run);
  }
  return runs;
}

function area(run: readonly Step[], top: (step: Step) => number, bottom: number): string {
  const edge = run.map((step) => `V${top(step)}H${step.right}`).join("");
  return `M${run[0]?.left} ${bottom}${edge}V${bottom}Z`;
}

function line(run: readonly Step[], y: (value: number) => number): string {
  const [first, ...rest] = run;
  if (first === undefined) return "";
  const corners = rest.map(({ left, limit }, index) =>
    limit === run[index]?.limit ? "" : `H${left}V${y(limit)}`,
  );
  return `M${first.left} ${y(first.limit)}${corners.join("")}H${run.at(-1)?.right}`;
}

/** A tenth of a unit is finer than a pixel, and the paths stay short. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
