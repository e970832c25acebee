import { get } from "node:http";

// What a container asks itself: exits with 0 while the load at `--status-port` works, else with 1.
//   node dist/endless/health-check.js PORT

const PATIENCE_MS = 2_500;

get({ host: "127.0.0.1", port: Number(process.argv[2]), path: "/", timeout: PATIENCE_MS })
  .on("response", ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on("timeout", () => process.exit(1))
  .on("error", () => process.exit(1));
