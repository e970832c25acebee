import { provideBuildah } from "../buildah/provide.mjs";
import { provideChromium } from "../chromium/provide.mjs";
import { provideFakeTime } from "../faketime/provide.mjs";
import { provideModelTools } from "../model/provide.mjs";
import { providePrometheus } from "../prometheus/provide.mjs";
import { redisServer } from "../redis/provide.mjs";
import { build } from "../toolchain/build.mjs";
import { check } from "../toolchain/check.mjs";
import { install } from "../toolchain/install.mjs";
import { become, say } from "../toolchain/steps.mjs";
import { hasTests, setsClocks, suiteFrom } from "./suites.mjs";

const { suite, args } = suiteFrom(process.argv.slice(2));

if (hasTests(suite)) {
  await install("all");
  if (suite === "tests") await check();
  await build();
  process.env.SLUICE_TEST_REDIS_SERVER = await redisServer();
  if (suite === "system") await provideModelTools();
  if (suite === "system") await providePrometheus();
  if (suite === "system") await provideChromium();
  if (suite === "system") await provideBuildah();
  if (setsClocks(suite)) await provideFakeTime();
  await become("node_modules/vitest/vitest.mjs", ["run", "--project", `${suite}*`, ...args]);
} else {
  say(`there are no ${suite} tests`);
}
