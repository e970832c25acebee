import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { sentenceOf } from "../sidecar/refusal.js";
import { Dialog } from "./dialog.js";

interface QuestionProps {
  readonly title: string;
  /** What the button that does it says. */
  readonly verb: string;
  readonly isDangerous?: boolean;
  /** Does it; what it throws is shown, and the question stays. */
  act(): Promise<void>;
  closed(): void;
  readonly children: ComponentChildren;
}

/** Asks before something is done. */
export function Question({ title, verb, isDangerous = false, act, closed, children }: QuestionProps) {
  const [isUnderWay, setUnderWay] = useState(false);
  const [problem, setProblem] = useState<string>();
  const isOpen = useIsOpen();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isUnderWay) return;
    setUnderWay(true);
    setProblem(undefined);
    try {
      await act();
      // Whoever has closed it meanwhile may have been asked something else since.
      if (isOpen.current) closed();
    } catch (error) {
      setProblem(sentenceOf(error));
      setUnderWay(false);
    }
  };
  return (
    <Dialog title={title} closed={closed}>
      <form onSubmit={submit}>
        {children}
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={closed}>
            Cancel
          </button>
          <button type="submit" class={isDangerous ? "danger" : "primary"} aria-disabled={isUnderWay}>
            {verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Whether the question is still there, for what comes back after a while. */
function useIsOpen(): { readonly current: boolean } {
  const isOpen = useRef(true);
  useEffect(() => {
    isOpen.current = true;
    return () => {
      isOpen.current = false;
    };
  }, []);
  return isOpen;
}
