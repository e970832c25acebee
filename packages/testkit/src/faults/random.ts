/**
 * Numbers from 0 (inclusive) to 1 (exclusive), the same ones for the same seed: a failing run can be repeated. Tests
 * print their seed. The algorithm is mulberry32 by Tommy Ettinger: 32 bits of state, ample for choosing faults.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
