import { type ChildProcess, spawn } from "node:child_process";

/** Waits for the end of its input, which only this process can write to; $0 is the process to kill, $1 its folder. */
const guard = 'read -r never; kill -9 "$0" 2>/dev/null; [ -z "$1" ] || rm -rf "$1"';

/**
 * Makes `child` die with this process, however this process ends: `kill -9` included, where no exit hook runs. A
 * small shell holds the far end of a pipe, which the kernel closes. Works alike on Linux and macOS, and unlike a
 * parent-death signal does not depend on the thread that spawned. A `folder` is deleted with it.
 */
export function tieToThisProcess(child: ChildProcess, folder = ""): void {
  if (child.pid === undefined) return;
  const shell = spawn("sh", ["-c", guard, String(child.pid), folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  shell.unref();
  shell.stdin.on("error", () => undefined);
  // A pipe is a net.Socket at run time; the declared type does not say so.
  (shell.stdin as unknown as { unref(): void }).unref();
  child.once("exit", () => {
    shell.kill("SIGKILL");
    shell.stdin.destroy();
  });
}
