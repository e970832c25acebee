/** Nothing of this process runs for so long. */
export function blockLoop(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
