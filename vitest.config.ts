import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const folders = "{packages,services}/*/test/**";
const system = `${folders}/*.system.test.ts`;
const hosts = `${folders}/*.hosts.system.test.ts`;
const faults = `${folders}/*.faults.test.ts`;
const soak = `${folders}/*.soak.test.ts`;

/**
 * Where nothing is known of former runs, vitest begins with the largest files. Those that call a suite are small, and take
 * the longest: as the last ones they would leave a core idle for a minute.
 */
class SuitesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const callsSuite = ({ moduleId }: TestSpecification) => /(one-seed|conformance)[\w.-]*$/.test(moduleId);
    return [...sorted.filter(callsSuite), ...sorted.filter((file) => !callsSuite(file))];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: SuitesFirst },
    // Each file in a process of its own: servers that it started die with it.
    pool: "forks",
    // Tests wait more than they compute: one file after the other would leave two cores idle.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: { name: "tests", include: [`${folders}/*.test.ts`], exclude: [system, faults, soak] },
      },
      {
        extends: true,
        test: { name: "system", include: [system], exclude: [hosts], testTimeout: 120_000 },
      },
      {
        extends: true,
        // Afterwards: they make hosts, with network interfaces. A browser that sees one come gives up what it was loading.
        test: {
          name: "system-hosts",
          include: [hosts],
          testTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      { extends: true, test: { name: "faults", include: [faults], testTimeout: 600_000 } },
      { extends: true, test: { name: "soak", include: [soak] } },
    ],
  },
});
