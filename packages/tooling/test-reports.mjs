// What runs of the tests leave behind, by the version of Node and the group.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './workspace.mjs';

/** Where they are. */
export const reports = join(root, 'packages', 'tooling', '.cache', 'tests');

/** The file of one run. */
export function reportOf(version, group = 'rest') {
  return join(reports, `node-${version.split('.')[0]}-${group}.json`);
}

/** Removes those of one version. */
export function forgetReports(version, groups) {
  for (const group of groups) rmSync(reportOf(version, group), { force: true });
}

/** Each test file of one run: its path within the repository, what was skipped, and what failed, a file that could not be loaded included. */
export function filesOf(version, group) {
  const file = reportOf(version, group);
  if (!existsSync(file)) return [];
  return JSON.parse(readFileSync(file, 'utf8')).testResults.map(({ name, status, message, assertionResults }) => {
    const named = (wanted) => assertionResults.filter((test) => wanted(test.status)).map(({ fullName }) => fullName);
    const failures = named((one) => one === 'failed');
    return {
      path: relative(root, name),
      passed: named((one) => one === 'passed').length,
      skipped: named((one) => one !== 'passed' && one !== 'failed'),
      failures: status === 'failed' && failures.length === 0 ? [`could not be run: ${message}`] : failures,
    };
  });
}
