import { randomFillSync } from "node:crypto";
import { hostname } from "node:os";

const leaseBytes = 16;
const attemptBytes = 8;
/** One call to the generator costs about as much as 50 names; a pool of 4 KiB shares it between 256. */
const pool = Buffer.allocUnsafeSlow(4_096);
let used = pool.length;

/** Names a lease: 128 random bits in 22 characters, so that nobody can guess the name of another's lease. */
export function newLeaseId(): string {
  return randomName(leaseBytes);
}

/** Names one attempt at a lease: 64 random bits in 11 characters, unique among the attempts at one lease. */
export function newAttemptId(): string {
  return randomName(attemptBytes);
}

/** Names one run of a process, or one store in it: 128 random bits in 22 characters. */
export function newProcessId(): string {
  return randomName(leaseBytes);
}

/** The label of a holder that gives itself none: `hostname:pid`, in characters that every holder may use. */
export function defaultHolder(): string {
  const host = hostname()
    .replace(/[^\x21-\x7e]/g, "?")
    .slice(0, 100);
  return `${host}:${process.pid}`;
}

function randomName(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const start = used;
  used += bytes;
  return pool.toString("base64url", start, used);
}
