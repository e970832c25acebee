import type { StatusAnswer } from "@sluice/client/shapes";
import { useState } from "preact/hooks";
import { Question } from "../dialog/question.js";
import { useDesk } from "../shell/desk.js";
import { countWords, numberWords } from "../words/numbers.js";

interface ResizeQuestionProps {
  readonly status: StatusAnswer;
  done(): void;
  closed(): void;
}

export function ResizeQuestion({ status, done, closed }: ResizeQuestionProps) {
  const { sidecar, announcement } = useDesk();
  const { semaphore, limit, inUse } = status;
  const [typed, setTyped] = useState(String(limit));
  const act = async () => {
    await sidecar.resize(semaphore, Number(typed));
    announcement.set(`The limit of ${semaphore} is ${numberWords(Number(typed))} now.`);
    done();
  };
  return (
    <Question title={`Resize ${semaphore}`} verb="Resize" act={act} closed={closed}>
      <p>
        The limit is {numberWords(limit)}, and {countWords(inUse, "permit is", "permits are")} in use. The new
        limit holds for every process at once.
      </p>
      <label>
        New limit
        <input
          type="number"
          required
          min="0"
          step="1"
          inputMode="numeric"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      <p class="hint">{consequenceOf(typed, status)}</p>
    </Question>
  );
}

/** What a new limit will do, in a sentence. */
export function consequenceOf(typed: string, { limit, inUse, waiting }: StatusAnswer): string {
  const wanted = Number(typed);
  if (typed.trim() === "" || !Number.isInteger(wanted) || wanted < 0) return "A whole number, 0 or more.";
  if (wanted === 0) return "0 pauses the semaphore: everybody queues, nobody fails. Leases are not revoked.";
  if (wanted === limit) return "That is the limit already.";
  if (wanted > limit)
    return waiting > 0 ? "Waiters get the new permits at once." : "More can be granted at once.";
  const granted = wanted < inUse ? ": nothing is granted until enough of them have ended" : "";
  return `Leases are not revoked${granted}. Waiters that ask for more permits than this fail at once.`;
}
