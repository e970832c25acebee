import { Component } from "preact";
import { longestWaitMs, type Told } from "../fleet/fleet.js";
import { type History, WINDOW_MS } from "../history/history.js";
import { Sparkline } from "../history/sparkline.js";
import { addressOf } from "../shell/route.js";
import { Cell } from "../table/table.js";
import { ageWords } from "../words/durations.js";
import { numberWords } from "../words/numbers.js";
import { Tags } from "./tags.js";
import { UseBar } from "./use-bar.js";

interface SemaphoreCellsProps {
  readonly told: Told;
  readonly history: History | undefined;
  readonly now: number;
}

const frame = { width: 240, height: 28 };

/** A row of the overview. Where nothing happens and nothing has happened lately, time alone draws nothing anew. */
export class SemaphoreCells extends Component<SemaphoreCellsProps> {
  override shouldComponentUpdate(next: SemaphoreCellsProps): boolean {
    return next.told !== this.props.told || next.history !== this.props.history || !isStill(this.props);
  }

  override render({ told, history, now }: SemaphoreCellsProps) {
    const { status } = told;
    const { semaphore, waiting } = status;
    return (
      <>
        <Cell kind="name">
          <a href={addressOf(semaphore)} title={semaphore}>
            {semaphore}
          </a>
          <Tags status={status} />
        </Cell>
        <Cell kind="trend">
          <Sparkline history={history} now={now} frame={frame} />
        </Cell>
        <Cell kind="use">
          <UseBar status={status} />
        </Cell>
        <Cell kind={`number waiters ${waiting > 0 ? "some-wait" : "none-waits"}`}>
          {numberWords(waiting)} <span class="unit">waiting</span>
        </Cell>
        <Cell kind={`number longest ${waiting > 0 ? "" : "none-waits"}`}>
          {waiting > 0 ? ageWords(longestWaitMs(told, now)) : "–"}
        </Cell>
      </>
    );
  }
}

function isStill({ told, history, now }: SemaphoreCellsProps): boolean {
  return told.status.waiting === 0 && (history?.latest?.at ?? 0) < now - WINDOW_MS;
}
