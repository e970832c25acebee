/**
 * What the work comes to, unless that takes longer. A loop that was blocked reads what has arrived before it judges.
 *
 * @param late called when it does
 * @throws Error that says so
 */
export async function inTime<Result>(ms: number, work: Promise<Result>, late = () => {}): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  let judging: NodeJS.Immediate | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const judge = () => {
      late();
      reject(new Error(`no answer within ${ms} ms`));
    };
    timer = setTimeout(() => {
      judging = setImmediate(judge);
    }, ms);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
    clearImmediate(judging);
  }
}
