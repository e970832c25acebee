import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

interface DialogProps {
  readonly title: string;
  /** It was closed, by Escape or by a button. */
  closed(): void;
  readonly children: ComponentChildren;
}

/** A question in front of the page. Where the focus was before, there it is again afterwards. */
export function Dialog({ title, closed, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const { current: element } = dialog;
    element?.showModal();
    // Closed while it is still in the document: only then the browser gives the focus back.
    return () => element?.close();
  }, []);
  // Browsers tell of a close no earlier than they draw the next frame: too late where Escape was pressed, since by then
  // somebody may have asked for the next question; and where this question is gone, it was the next one that they end.
  const isThere = () => dialog.current !== null;
  return (
    <dialog ref={dialog} aria-labelledby={titleId} onCancel={closed} onClose={() => isThere() && closed()}>
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
}
