import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { endianness } from "node:os";

/** A connection is given up when the other host has confirmed nothing for so long, although its kernel was asked to. */
const SILENT_HOST_MS = 8_000;

const LOOK_MS = 1_000;

/** The kernel repeats itself no sooner than after this, and waits twice as long each time (TCP_RTO_MIN of Linux). */
const FIRST_REPEAT_MS = 200;

/** Probes of an idle connection start after this, one a second, and ten that are not answered end it. */
const IDLE_MS = 3_000;

/** @param silentMs for how long the other host has certainly confirmed nothing: what was sent since has not arrived */
export type OnVanished = (silentMs: number) => void;

interface Watched {
  readonly onVanished: OnVanished;
  /** Since when the kernel has repeated itself in vain. */
  silentSince: number | undefined;
}

/**
 * Finds hosts that have vanished without a word. While nothing is under way the kernel's keepalive does; but it does not
 * probe a connection that still waits for what was sent to be confirmed, and goes on sending for a quarter of an hour.
 * So on Linux its own account is read of how often it had to repeat itself (proc(5), /proc/net/tcp, `retrnsmt`). A
 * process that is merely stopped is not mistaken for a host that is gone: its kernel confirms.
 */
export class VanishedHosts {
  /** By the two ends of the connection, as the kernel writes them. */
  readonly #watched = new Map<string, Watched>();
  #looking: NodeJS.Timeout | undefined;

  /**
   * Until the connection ends, or the function that is returned is called. Of several who watch one connection the
   * last one is told.
   */
  watch(socket: Socket, onVanished: OnVanished): () => void {
    socket.setKeepAlive(true, IDLE_MS);
    const ends = endsOf(socket);
    if (ends === undefined) return () => {};
    const watched: Watched = { onVanished, silentSince: undefined };
    this.#watched.set(ends, watched);
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS).unref();
    const unwatch = () => {
      socket.off("close", unwatch);
      this.#forget(ends, watched);
    };
    socket.once("close", unwatch);
    return unwatch;
  }

  #forget(ends: string, watched: Watched): void {
    if (this.#watched.get(ends) !== watched) return;
    this.#watched.delete(ends);
    if (this.#watched.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  async #look(): Promise<void> {
    const tables = await Promise.all(["/proc/net/tcp", "/proc/net/tcp6"].map(linesOf));
    const now = performance.now();
    for (const line of tables.flat()) this.#read(line, now);
  }

  /** `sl local remote st tx:rx tr:when retrnsmt …`, numbers in hexadecimal. */
  #read(line: string, now: number): void {
    const [, local, remote, , , , repeats = "0"] = line.trim().split(/\s+/);
    const watched = this.#watched.get(`${local} ${remote}`);
    if (watched === undefined) return;
    const count = Number.parseInt(repeats, 16);
    if (count === 0) watched.silentSince = undefined;
    else watched.silentSince ??= now;
    const seenMs = now - (watched.silentSince ?? now);
    if (seenMs <= SILENT_HOST_MS) return;
    // Between two looks something may have been confirmed; what was repeated so often has lasted for so long. Nothing new
    // is sent from the first repetition on, also where only the confirmations get lost.
    watched.onVanished(Math.min(seenMs, FIRST_REPEAT_MS * (2 ** count - 2)));
  }
}

/** None where there is no such file, on other systems. */
async function linesOf(file: string): Promise<string[]> {
  try {
    return (await readFile(file, "utf8")).split("\n").slice(1);
  } catch {
    return [];
  }
}

function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string | undefined {
  if (!localAddress || !localPort || !remoteAddress || !remotePort) return undefined;
  return `${endOf(localAddress, localPort)} ${endOf(remoteAddress, remotePort)}`;
}

/** `0100007F:1DA5`: the address as words of the machine, the port as people write it. */
function endOf(address: string, port: number): string {
  const words = Buffer.from(bytesOf(address.replace(/%.*$/, "")));
  if (endianness() === "LE") words.swap32();
  return `${words.toString("hex")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

function bytesOf(address: string): number[] {
  if (!address.includes(":")) return address.split(".").map(Number);
  const [head = "", tail] = address.split("::");
  const before = groupsOf(head);
  const after = groupsOf(tail ?? "");
  return [...before, ...new Array(16 - before.length - after.length).fill(0), ...after];
}

/** The bytes of `a:b:c`, or of `ffff:1.2.3.4`. */
function groupsOf(part: string): number[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
