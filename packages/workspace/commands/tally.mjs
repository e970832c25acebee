/**
 * One run of vitest: its JSON report, missing where the run ended before there was one, and its exit code.
 *
 * @typedef {{ report?: { testResults: FileReport[] } | undefined, code: number }} Run
 * @typedef {{ name: string, status: string, message: string, assertionResults: TestReport[] }} FileReport
 * @typedef {{ fullName: string, status: string, failureMessages?: string[] | null }} TestReport
 */

/**
 * Counts the tests of several runs that passed, and tells of each failure what failed and why. A file that failed
 * without a failing test is one failure, and so is a run: it did not build, say, or a promise was rejected behind the
 * tests' backs.
 *
 * @param {readonly Run[]} runs
 */
export function tally(runs) {
  return {
    passed: runs.flatMap(filesOf).reduce((sum, file) => sum + withStatus(file, "passed").length, 0),
    failures: runs.flatMap(failuresOf),
  };
}

/** @param {Run} run */
function failuresOf(run) {
  const failures = filesOf(run).flatMap(failuresIn);
  if (failures.length > 0 || run.code === 0) return failures;
  return [`a run: exit code ${run.code}, and no test of it failed`];
}

/** @param {FileReport} file */
function failuresIn(file) {
  const failures = withStatus(file, "failed").map(
    ({ fullName, failureMessages }) => `${file.name} > ${fullName}\n${(failureMessages ?? []).join("\n")}`,
  );
  if (failures.length > 0 || file.status !== "failed") return failures;
  return [`${file.name}\n${file.message}`];
}

/** @param {Run} run */
function filesOf({ report }) {
  return report?.testResults ?? [];
}

/** @param {FileReport} file @param {string} status */
function withStatus(file, status) {
  return file.assertionResults.filter((test) => test.status === status);
}
