/**
 * What the work comes to, unless that takes longer.
 *
 * @param late called when it does
 * @throws Error that says so
 */
export async function inTime<Result>(ms: number, work: Promise<Result>, late = () => {}): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late();
      reject(new Error(`no answer within ${ms} ms`));
    }, ms);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
