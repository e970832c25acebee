/** What a lease is found by: its name is unique within its semaphore alone. */
export function leaseKey(semaphore: string, lease: string): string {
  return `${semaphore} ${lease}`;
}
