import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * The parts of a container that matter to a program: it is the first process of a process namespace of its own, sees
 * nothing but the image's files, cannot write to them, and has the image's user, environment and working folder. The
 * network is this host's. What a Docker engine or Kubernetes adds beyond, capabilities and limits, is left out.
 *
 * @typedef {import("./buildah.mjs").ImageFacts} ImageFacts
 * @typedef {{ code: number | null, signal: NodeJS.Signals | null }} Ending
 */

/** In a mount namespace of its own, so that all mounts end with it. Its arguments: the root, then what to go on as. */
const enter = [
  "set -e",
  'mount --bind "$1" "$1"',
  'mount --rbind /dev "$1/dev"',
  'mount -t tmpfs tmpfs "$1/tmp"',
  'mount -o remount,bind,ro "$1"',
  "shift",
  'exec "$@"',
].join("\n");

export class Container {
  /** What it has printed, on both streams. */
  output = "";
  /** @type {Promise<Ending>} */
  ended;
  #facts;
  #child;

  /**
   * Starts what the image says is to be started.
   *
   * @param {string} root where the image's files lie
   * @param {ImageFacts} facts
   * @param {Readonly<Record<string, string>>} env besides the image's own
   */
  constructor(root, facts, env) {
    this.#facts = { ...facts, env: { ...facts.env, ...env } };
    const isolated = ["--pid", "--fork", "--kill-child", "--mount-proc", "--root", root];
    const first = ["/usr/bin/unshare", ...isolated, ...this.#asUser("--wd"), ...facts.entrypoint];
    const args = ["--mount", "/bin/sh", "-c", enter, "sh", root, ...first];
    const child = spawn("/usr/bin/unshare", args, {
      env: this.#facts.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        this.output += chunk;
      });
    }
    this.ended = new Promise((fulfil) => child.once("close", (code, signal) => fulfil({ code, signal })));
    this.#child = child;
  }

  /** Sends a signal to the container's first process, as an engine does. @param {NodeJS.Signals} signal */
  signal(signal) {
    process.kill(this.#firstProcess(), signal);
  }

  /**
   * Runs a command beside the first process, as a health check is run.
   *
   * @param {readonly string[]} command
   * @returns {Promise<number>} its exit code
   */
  run(command) {
    const inside = ["--target", `${this.#firstProcess()}`, "--mount", "--pid", "--root"];
    const args = [...inside, ...this.#asUser("--wdns"), ...command];
    return new Promise((fulfil) => {
      const child = execFile("/usr/bin/nsenter", args, { env: this.#facts.env }, () =>
        fulfil(child.exitCode ?? 1),
      );
    });
  }

  /** What the kernel says of the first process, one value for each name. */
  status() {
    const lines = readFileSync(`/proc/${this.#firstProcess()}/status`, "utf8").trim().split("\n");
    return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2)));
  }

  /** Ends all that runs in it, at once. */
  async kill() {
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  #firstProcess() {
    const { pid } = this.#child;
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    if (!child) throw new Error("the container's first process has not started, or has ended");
    return Number(child);
  }

  /** @param {"--wd" | "--wdns"} folderOption */
  #asUser(folderOption) {
    const { user, workingDir } = this.#facts;
    const [uid, gid] = user.split(":");
    return [`${folderOption}=${workingDir}`, "--setgid", `${gid}`, "--setuid", `${uid}`];
  }
}
