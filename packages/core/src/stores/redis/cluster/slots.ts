export const slotCount = 16_384;

/** CRC-16/XMODEM, as the specification of Redis Cluster has it. */
const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

function crc16(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text)) crc = ((crc << 8) & 0xff00) ^ (crcTable[(crc >> 8) ^ byte] ?? 0);
  return crc;
}

/** The slot of a key, or of a sharded channel: that of the text in its first braces, if there is any. */
export function slotOf(key: string): number {
  const tag = /\{(.*?)\}/.exec(key)?.[1];
  return crc16(tag === undefined || tag === "" ? key : tag) % slotCount;
}

const tags = new Map<number, string>();
let tried = 0;

/** A short text whose slot is `slot`, always the same one. Finding all there are takes 170,000 tries, about 50 ms. */
export function tagOf(slot: number): string {
  while (!tags.has(slot)) {
    const tag = tried.toString(36);
    tried += 1;
    const found = slotOf(tag);
    if (!tags.has(found)) tags.set(found, tag);
  }
  return tags.get(slot) ?? "";
}

/**
 * The keys that the scripts take beside the semaphore's facts, in the order of apply.lua: the other keys of the
 * semaphore, and the marker, of which there is one in each slot in use.
 */
export function otherKeys(prefix: string, semaphore: string): string[] {
  const own = ["expiries", "leases", "queue", "waiters", "parked"].map(
    (part) => `${prefix}:{${semaphore}}:${part}`,
  );
  return [...own, `${prefix}:marker:{${tagOf(slotOf(semaphore))}}`];
}

export function slotInbox(prefix: string, semaphore: string, process: string): string {
  return `${prefix}:{${semaphore}}:inbox:${process}`;
}
