import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildahProgram } from "./places.mjs";

const execute = promisify(execFile);

/**
 * What a Dockerfile says of its image.
 *
 * @typedef {object} ImageFacts
 * @property {string} user
 * @property {string} workingDir
 * @property {readonly string[]} entrypoint
 * @property {Readonly<Record<string, string>>} env
 * @property {Readonly<Record<string, string>>} labels
 * @property {readonly string[]} ports
 * @property {readonly string[]} healthCheck as exec form, `CMD` first
 * @property {string | undefined} stopSignal
 * @property {readonly string[]} layers a digest of the files of each, with their owners, modes and times
 */

/**
 * Buildah with its own storage, settings and temporary files in one folder. It takes images from that storage alone,
 * asks no registry, and runs what images run in a chroot, without an engine and without control groups.
 */
export class Buildah {
  #folder;
  #policy;
  #flags;

  /** @param {string} folder emptied by whoever made it; the storage is too large for a `tmpfs` */
  constructor(folder) {
    this.#folder = folder;
    this.#policy = this.#write(
      "policy.json",
      JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }),
    );
    const registries = this.#write("registries.conf", 'unqualified-search-registries = ["docker.io"]\n');
    for (const name of ["tmp", "none"]) mkdirSync(join(folder, name));
    this.#flags = [
      ...["--root", join(folder, "storage"), "--runroot", join(folder, "run"), "--storage-driver", "vfs"],
      ...["--registries-conf", registries, "--registries-conf-dir", join(folder, "none")],
    ];
  }

  /**
   * Builds the image that a Dockerfile describes, with every file dated to the epoch.
   *
   * @param {string} dockerfile
   * @param {string} context a folder
   * @param {string} tag
   */
  async build(dockerfile, context, tag) {
    const trusting = ["--pull=never", "--signature-policy", this.#policy];
    // Docker's format: the other one knows no health check.
    const made = ["--format", "docker", "--isolation", "chroot", "--timestamp", "0"];
    await this.#buildah("build", ...trusting, ...made, "--tag", tag, "--file", dockerfile, context);
  }

  /** Where the files of a new container of this image lie. @param {string} image @returns {Promise<string>} */
  async mount(image) {
    const container = await this.#buildah("from", "--pull-never", "--signature-policy", this.#policy, image);
    return this.#buildah("mount", container);
  }

  /** @param {string} image @returns {Promise<ImageFacts>} */
  async inspect(image) {
    const { Docker } = JSON.parse(await this.#buildah("inspect", "--type", "image", image));
    const { config } = Docker;
    return {
      user: config.User,
      workingDir: config.WorkingDir,
      entrypoint: config.Entrypoint,
      env: Object.fromEntries(config.Env.map((/** @type {string} */ pair) => pair.split(/=(.*)/s, 2))),
      labels: config.Labels,
      ports: Object.keys(config.ExposedPorts ?? {}),
      healthCheck: config.Healthcheck?.Test ?? [],
      stopSignal: config.StopSignal,
      layers: Docker.rootfs.diff_ids,
    };
  }

  /**
   * @param {readonly string[]} args
   * @returns {Promise<string>} what it printed
   * @throws Error that holds what it said, where it failed
   */
  async #buildah(...args) {
    const env = { PATH: process.env.PATH, HOME: this.#folder, TMPDIR: join(this.#folder, "tmp") };
    const options = { env, maxBuffer: 64 * 1024 * 1024 };
    const { stdout } = await execute(buildahProgram, [...this.#flags, ...args], options).catch(explain);
    return stdout.trim();
  }

  /** @param {string} name @param {string} text */
  #write(name, text) {
    mkdirSync(this.#folder, { recursive: true });
    const file = join(this.#folder, name);
    writeFileSync(file, text);
    return file;
  }
}

/** @param {Error & { stdout?: string, stderr?: string }} error @returns {never} */
function explain(error) {
  throw new Error(`${error.message}\n${error.stdout}${error.stderr}`);
}
