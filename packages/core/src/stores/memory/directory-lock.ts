import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { InvalidArgumentError, StoreUnavailableError } from "../../errors.js";

const socketName = /^lock-[0-9a-f]{8}$/;
/** The address of a Unix socket holds 108 bytes on Linux and 104 on macOS, its end included. */
const longestSocketPath = process.platform === "darwin" ? 103 : 107;
/** Whoever starts while another one does gives way for so long, and tries again. */
const attempts = 5;
const pauseMs = { least: 20, most: 120 };

/** A directory that is used by this store alone, until it lets go or its process ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Takes the directory for this process, as long as it lives: it listens on a Unix socket in there, which the kernel
 * closes however the process ends, so that a killed one keeps nobody out, and no process id can be mistaken.
 *
 * Every store listens under a name of its own first, and looks at all other sockets then. Of two, the one that listened
 * later finds the other; both may find each other, and then both give way and try again. A socket that nobody listens on
 * is dead and removed. It may belong to one that is about to listen: that one finds the other alive, or its own gone.
 *
 * @throws StoreUnavailableError when another store uses the directory, or it takes no socket
 * @throws InvalidArgumentError when its path is too long for a socket
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  refuseLongPath(directory);
  for (let attempt = 1; ; attempt += 1) {
    const lock = await tryToLock(directory);
    if (lock !== undefined) return lock;
    if (attempt === attempts) {
      throw new StoreUnavailableError(
        `the state directory ${directory} is in use: by another process, or another store of this one`,
      );
    }
    await pause(pauseMs.least + Math.random() * (pauseMs.most - pauseMs.least));
  }
}

/** Undefined where somebody else has the directory, or wants it at the same moment. */
async function tryToLock(directory: string): Promise<DirectoryLock | undefined> {
  const own = `lock-${randomBytes(4).toString("hex")}`;
  const server = await listen(join(directory, own)).catch((cause: unknown) => {
    throw new StoreUnavailableError(`the state directory ${directory} takes no socket to lock it by`, {
      cause,
    });
  });
  const lock = { release: () => close(server) };
  try {
    const others = readdirSync(directory).filter((name) => socketName.test(name) && name !== own);
    const alive = await Promise.all(others.map((name) => isAlive(join(directory, name))));
    for (const [index, name] of others.entries()) {
      if (!alive[index]) rmSync(join(directory, name), { force: true });
    }
    if (!alive.includes(true) && existsSync(join(directory, own))) return lock;
  } catch (cause) {
    await lock.release();
    throw new StoreUnavailableError(`the state directory ${directory} cannot be used`, { cause });
  }
  await lock.release();
  return undefined;
}

function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path, exclusive: true }, () => resolve(server));
  });
}

/** Removes the socket, too. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** Whether somebody listens. What is not known for sure is taken for yes. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const answer = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", ({ code }: NodeJS.ErrnoException) =>
      answer(code !== "ECONNREFUSED" && code !== "ENOENT"),
    );
  });
}

function refuseLongPath(directory: string): void {
  const longest = longestSocketPath - "/lock-00000000".length;
  const bytes = Buffer.byteLength(directory);
  if (bytes <= longest) return;
  throw new InvalidArgumentError(
    "stateDir",
    `a path of at most ${longest} bytes, which a symbolic link can have`,
    directory,
  );
}
