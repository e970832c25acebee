import { existsSync } from "node:fs";
import { join } from "node:path";
import { canUnpackPackages } from "../toolchain/debian.mjs";
import { root } from "../toolchain/places.mjs";

const cached = join(root, ".cache", "buildah");

/** Folders that `unpackPackages` makes: the program, and what a base image is made of. */
export const homes = { program: join(cached, "program"), base: join(cached, "base") };

export const buildahProgram = join(homes.program, "unpacked", "usr", "bin", "buildah");

/** Why no image can be built here; undefined where one can be. */
export function whyNoImages() {
  if (!canUnpackPackages()) return "needs root on Debian or Ubuntu";
  if (!existsSync("/usr/bin/unshare")) return "needs unshare, of util-linux";
  if (!existsSync(buildahProgram)) return "needs buildah, which `npm run test:system` gets";
  return undefined;
}
