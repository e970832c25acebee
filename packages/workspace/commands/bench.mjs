import { redisServer } from "../redis/provide.mjs";
import { build } from "../toolchain/build.mjs";
import { install } from "../toolchain/install.mjs";
import { become } from "../toolchain/steps.mjs";

await install("all");
await build("packages/bench");
process.env.SLUICE_TEST_REDIS_SERVER = await redisServer();
await become("packages/bench/dist/main.js", process.argv.slice(2));
