import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The secrets of docker-compose.yml, by their paths from the root. Each is one line, but the tokens of the sidecars. */
export const secretFiles = /** @type {const} */ ({
  tokens: "services/sidecar/secrets/tokens.json",
  demo: "services/demo/secrets/token",
  prometheus: "services/prometheus/secrets/token",
  onCall: "services/console/secrets/token",
  grafana: "services/grafana/secrets/admin-password",
});

/** Who comes to the sidecars, and what for; each has its token in a file of its own. */
const callers = [
  { name: "demo", scopes: ["use"], file: secretFiles.demo },
  { name: "prometheus", scopes: ["read"], file: secretFiles.prometheus },
  { name: "on-call", scopes: ["operate"], file: secretFiles.onCall },
];

/** @typedef {{ name: string, token: string, scopes: string[] }} Token */

/**
 * Makes those of the secrets that are missing, and leaves the others as they are.
 *
 * Containers read them as other users than this one, and Compose mounts a file with the owner and the mode that it has
 * here. So every user may read the files, and nobody but this one may open their folders.
 *
 * @param {string} root
 * @returns {string[]} the files that were made
 * @throws Error without any secret in it where the tokens of the sidecars and those of their callers do not agree
 */
export function makeSecrets(root) {
  const known = readTokens(root);
  const made = [];
  for (const { name, file } of callers) {
    const token = known === undefined ? newSecret() : tokenOf(name, known);
    if (write(root, file, `${token}\n`)) made.push(file);
  }
  const tokens = callers.map(({ name, scopes, file }) => ({ name, token: read(root, file), scopes }));
  if (write(root, secretFiles.tokens, `${JSON.stringify({ tokens }, undefined, 2)}\n`))
    made.push(secretFiles.tokens);
  if (write(root, secretFiles.grafana, `${newSecret()}\n`)) made.push(secretFiles.grafana);
  for (const { name, token } of tokens) {
    if (known !== undefined && tokenOf(name, known) !== token) throw disagreement(name);
  }
  return made;
}

/** 256 bits. */
function newSecret() {
  return randomBytes(32).toString("hex");
}

/** What the sidecars know; undefined where their file is yet to be made. @param {string} root @returns {Token[] | undefined} */
function readTokens(root) {
  if (!existsSync(join(root, secretFiles.tokens))) return undefined;
  const tokens = tokensIn(read(root, secretFiles.tokens));
  if (!Array.isArray(tokens))
    throw new Error(`${secretFiles.tokens} must be JSON, as this command writes it`);
  return tokens;
}

/** @param {string} text @returns {unknown} undefined where it is no JSON */
function tokensIn(text) {
  try {
    return JSON.parse(text).tokens;
  } catch {
    return undefined;
  }
}

/** @param {string} name @param {readonly Token[]} known */
function tokenOf(name, known) {
  const found = known.find((token) => token.name === name);
  if (found === undefined) throw disagreement(name);
  return found.token;
}

/** @param {string} name */
function disagreement(name) {
  const file = callers.find((caller) => caller.name === name)?.file;
  return new Error(
    `${secretFiles.tokens} and ${file} do not hold the same token of "${name}": delete the one that is wrong, and call this again`,
  );
}

/** @param {string} root @param {string} file */
function read(root, file) {
  return readFileSync(join(root, file), "utf8").trim();
}

/** @param {string} root @param {string} file @param {string} text @returns {boolean} false where the file is there already */
function write(root, file, text) {
  const path = join(root, file);
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  if (existsSync(path)) return false;
  writeFileSync(path, text, { flag: "wx" });
  // Not by the option of writeFileSync, from which the umask takes away.
  chmodSync(path, 0o644);
  return true;
}
