import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../../packages/testkit/fixtures/tls/${name}`, import.meta.url));

/** The authority of the tests, and two certificates of it for localhost, each with its key, as paths. */
export const certificates = {
  authority: fixture("ca.crt"),
  server: { cert: fixture("server.crt"), key: fixture("server.key") },
  renewed: { cert: fixture("renewed.crt"), key: fixture("renewed.key") },
};

export const authority: Buffer = readFileSync(certificates.authority);
