/**
 * One run of vitest: its JSON report, missing where the run ended before there was one, and its exit code.
 *
 * @typedef {{ report?: { testResults: FileReport[] } | undefined, code: number }} Run
 * @typedef {{ status: string, assertionResults: { status: string }[] }} FileReport
 */

/**
 * Counts the tests of several runs. A file that failed without a failing test counts as one failure, and so does a run:
 * it did not build, say, or a promise was rejected behind the tests' backs.
 *
 * @param {readonly Run[]} runs
 */
export function countTests(runs) {
  const counts = runs.map(countRun);
  return {
    passed: counts.reduce((sum, { passed }) => sum + passed, 0),
    failed: counts.reduce((sum, { failed }) => sum + failed, 0),
  };
}

/** @param {Run} run */
function countRun({ report, code }) {
  const files = report?.testResults ?? [];
  const passed = files.reduce((sum, file) => sum + withStatus(file, "passed"), 0);
  const failed = files.reduce(
    (sum, file) => sum + (withStatus(file, "failed") || Number(file.status === "failed")),
    0,
  );
  return { passed, failed: failed || Number(code !== 0) };
}

/** @param {FileReport} file @param {string} status */
function withStatus(file, status) {
  return file.assertionResults.filter((test) => test.status === status).length;
}
