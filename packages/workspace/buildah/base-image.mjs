import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../toolchain/steps.mjs";
import { homes } from "./places.mjs";

/** As the published images have it. */
const nodeUser = { uid: 1000, gid: 1000, home: "home/node" };

const folders = [
  "root",
  "proc",
  "sys",
  "dev",
  "etc",
  "tmp",
  "var/tmp",
  "sbin",
  "usr/bin",
  "usr/sbin",
  "usr/local/bin",
  nodeUser.home,
];

/** Of the published images, from where the ones made here have them. */
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Stands in for the published images of Node, which only a registry has: makes images with what ours take from those,
 * and gives them their names, so that a Dockerfile is built as it is.
 *
 * @param {import("./buildah.mjs").Buildah} buildah
 * @param {string} folder a new one, for the files
 * @param {{ build: string, run: string }} names of the image that builds, and of the one that ours begin with
 */
export async function makeBaseImages(buildah, folder, names) {
  const rootFolder = join(folder, "root");
  await makeBaseRoot(rootFolder);
  await makeImage(buildah, folder, names.run, { PATH: path });
  const env = await addNpm(rootFolder);
  await makeImage(buildah, folder, names.build, { PATH: path, ...env });
}

/**
 * @param {import("./buildah.mjs").Buildah} buildah
 * @param {string} folder
 * @param {string} name
 * @param {Readonly<Record<string, string>>} env
 */
async function makeImage(buildah, folder, name, env) {
  const pairs = Object.entries(env).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const dockerfile = join(folder, "Dockerfile");
  writeFileSync(dockerfile, `FROM scratch\nCOPY root /\nENV ${pairs.join(" ")}\n`);
  await buildah.build(dockerfile, folder, name);
}

/**
 * Makes the root of an image that has what ours take from the published images of Node: a Node and its npm where those
 * have them, a shell and its tools, the user `node`. The Node is the one that runs this, and the rest is of this
 * machine's Debian.
 *
 * @param {string} rootFolder a new folder
 */
async function makeBaseRoot(rootFolder) {
  const at = (/** @type {string[]} */ ...path) => join(rootFolder, ...path);
  cpSync(join(homes.base, "unpacked"), rootFolder, { recursive: true, verbatimSymlinks: true });
  // Newer releases keep in /usr what older ones have beside it, and their packages leave the links to another one.
  for (const name of ["bin", "lib", "lib64", "sbin"])
    if (existsSync(at("usr", name)) && !existsSync(at(name))) symlinkSync(`usr/${name}`, at(name));
  for (const folder of folders) mkdirSync(at(folder), { recursive: true });
  for (const folder of ["tmp", "var/tmp"]) chmodSync(at(folder), 0o1777);
  await run("/usr/sbin/chroot", [rootFolder, "/bin/busybox", "--install", "-s"], { capture: true });
  copyFileSync(process.execPath, at("usr/local/bin/node"));
  writeFileSync(at("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n");
  writeFileSync(at("etc/group"), "root:x:0:\nnode:x:1000:\n");
  chownSync(at(nodeUser.home), nodeUser.uid, nodeUser.gid);
}

/**
 * Adds npm, and the certificates and the registry by which this machine's own npm gets packages.
 *
 * @param {string} rootFolder that `makeBaseRoot` has made
 * @returns {Promise<Readonly<Record<string, string>>>} the environment in which that npm runs
 */
async function addNpm(rootFolder) {
  cpSync(await npmFolder(), join(rootFolder, "usr/local/lib/node_modules/npm"), { recursive: true });
  for (const name of ["npm", "npx"])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(rootFolder, "usr/local/bin", name));
  const certificates = process.env.NODE_EXTRA_CA_CERTS || (await npmSetting("cafile"));
  const systems = "/etc/ssl/certs/ca-certificates.crt";
  for (const file of new Set([systems, certificates].filter((file) => file !== undefined))) {
    mkdirSync(join(rootFolder, dirname(file)), { recursive: true });
    cpSync(file, join(rootFolder, file), { dereference: true });
  }
  const registry = { npm_config_registry: await npmSetting("registry"), NODE_EXTRA_CA_CERTS: certificates };
  return Object.fromEntries(
    Object.entries(registry).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}

async function npmFolder() {
  const { output } = await run("/bin/sh", ["-c", "command -v npm"], { capture: true });
  return dirname(dirname(realpathSync(output.trim())));
}

/** @param {string} name @returns {Promise<string | undefined>} */
async function npmSetting(name) {
  const { output } = await run("npm", ["config", "get", name, "--loglevel=silent"], { capture: true });
  const value = output.trim().split("\n").at(-1) ?? "";
  return ["", "null", "undefined"].includes(value) ? undefined : value;
}
