/** A process that the demo needs did not start, or ended; the message is all that there is to say. */
export class ChildError extends Error {}

/**
 * What `promise` resolves to, if it does so in time.
 *
 * @throws ChildError naming what did not answer, after `ms`
 */
export async function within<Value>(ms: number, what: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ChildError(`${what} did not answer within ${ms / 1_000} s`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
