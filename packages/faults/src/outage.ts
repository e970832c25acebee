import { monotonicMs } from "@sluice/testkit";
import type { Cause } from "./fault.js";

/** Does something that keeps the store from everybody, and says when it did. */
export async function during(work: () => Promise<void>): Promise<Cause> {
  const from = monotonicMs();
  await work();
  return { outages: [{ from, to: monotonicMs() }] };
}
