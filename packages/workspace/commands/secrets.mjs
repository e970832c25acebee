import { makeSecrets, secretFiles } from "../compose/secrets.mjs";
import { root } from "../toolchain/places.mjs";
import { say, stop } from "../toolchain/steps.mjs";

// Says where secrets are, and never what they are.

try {
  const written = makeSecrets(root);
  for (const file of Object.values(secretFiles)) say(`${written.includes(file) ? "wrote" : "kept"} ${file}`);
} catch (error) {
  stop(/** @type {Error} */ (error).message);
}
say(`to operate at http://127.0.0.1:7077, this token: cat ${secretFiles.onCall}`);
say(`to log in as admin at http://127.0.0.1:3000, this password: cat ${secretFiles.grafana}`);
