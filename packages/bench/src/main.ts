// Measures Sluice, its peers and their floor on this machine, and prints ratios.
// All of them take two to three minutes.
//   npm run bench [-- NAME…]    pairs, drain, handoff, memory, quorum; all of them when none is named
import { startRedis } from "@sluice/testkit";
import { drain } from "./drain/drain.js";
import { handoff } from "./handoff/handoff.js";
import { machine } from "./machine.js";
import { memory } from "./memory.js";
import { pairs } from "./pairs.js";
import { quorum } from "./quorum.js";
import { type Benchmark, print } from "./report.js";

const benchmarks: readonly Benchmark[] = [pairs, drain, handoff, memory, quorum];
const names = process.argv.slice(2);
const unknown = names.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));

if (unknown.length > 0) {
  console.error(
    `there is no benchmark ${unknown.join(", ")}; choose from ${benchmarks.map(({ name }) => name).join(", ")}`,
  );
  process.exitCode = 64;
} else {
  for (const benchmark of benchmarks) {
    if (names.length === 0 || names.includes(benchmark.name)) await measure(benchmark);
  }
}

async function measure(benchmark: Benchmark): Promise<void> {
  await using redis = await startRedis();
  console.log(`${benchmark.name}: ${benchmark.what}`);
  console.log(`  ${await machine(redis)}`);
  console.log(
    `  ${Object.entries(benchmark.constants)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")}\n`,
  );
  print(await benchmark.run(redis));
  console.log();
}
