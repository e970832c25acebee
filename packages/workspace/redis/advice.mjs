import { existsSync } from "node:fs";

const commands = {
  brew: "brew install redis",
  apt: "sudo apt-get install redis-server",
  dnf: "sudo dnf install valkey",
};

/**
 * The one command that installs a server here.
 *
 * @param {NodeJS.Platform} platform
 * @param {(path: string) => boolean} [exists]
 */
export function adviceFor(platform, exists = existsSync) {
  const command = installCommand(platform, exists) ?? Object.values(commands).join(", or: ");
  return `Install one with: ${command}; or name one: SLUICE_TEST_REDIS_SERVER=/path/to/redis-server`;
}

/** @param {NodeJS.Platform} platform @param {(path: string) => boolean} exists */
function installCommand(platform, exists) {
  if (platform === "darwin") return commands.brew;
  if (exists("/usr/bin/apt-get")) return commands.apt;
  return exists("/usr/bin/dnf") ? commands.dnf : undefined;
}
