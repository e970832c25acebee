import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { isEveryAddress } from "./settings/host.js";
import { readSettings } from "./settings.js";

// What a container asks itself: exits with 0 while the sidecar of this environment is ready, else with 1.

/** Longer than a sidecar takes to find out that its store does not answer. */
const PATIENCE_MS = 2_500;

const { host, port, tls } = readSettings(process.env);
const options = {
  host: isEveryAddress(host) ? "127.0.0.1" : host,
  port,
  path: "/readyz",
  timeout: PATIENCE_MS,
};
// It is this very container that answers: the certificate, for another name, has nothing to prove.
const request = tls === undefined ? getHttp(options) : getHttps({ ...options, rejectUnauthorized: false });

request
  .on("response", ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on("timeout", () => process.exit(1))
  .on("error", () => process.exit(1));
