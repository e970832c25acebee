import { Question } from "../dialog/question.js";
import { useDesk } from "../shell/desk.js";
import { countWords } from "../words/numbers.js";
import type { SeenLease } from "./inspection.js";

interface RevokeQuestionProps {
  readonly semaphore: string;
  readonly lease: SeenLease;
  done(): void;
  closed(): void;
}

export function RevokeQuestion({ semaphore, lease, done, closed }: RevokeQuestionProps) {
  const { sidecar, announcement } = useDesk();
  const { id, holder, permits } = lease;
  const act = async () => {
    if (id === undefined) return;
    await sidecar.revoke(semaphore, id);
    announcement.set(`The lease of ${holder} is revoked.`);
    done();
  };
  return (
    <Question title="Revoke lease" verb="Revoke" isDangerous act={act} closed={closed}>
      <p>
        <b>{holder}</b> holds {countWords(permits, "permit")} of <b>{semaphore}</b>.
      </p>
      <p>
        The holder is told at once and cannot renew the lease. Its permits come back when the holder confirms,
        or when the lease would have lapsed. Work that does not heed the loss goes on.
      </p>
    </Question>
  );
}
