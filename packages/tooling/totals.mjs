// Adds up what a CI run did, from the reports that the steps left: `node totals.mjs name=exit-code …` ends with "N passed, N failed".
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesOf, reports } from './test-reports.mjs';
import { groups } from './tests.mjs';
import { root } from './workspace.mjs';

const total = { passed: 0, failed: 0 };
const complaints = [];
const ownVersion = process.versions.node.split('.')[0];

/** Everything that ran on one version of Node; of what ran again the second result counts. */
function addVersion(version) {
  const again = new Map(filesOf(version, 'again').map((file) => [file.path, file]));
  const skipped = [];
  for (const first of Object.keys(groups).flatMap((group) => filesOf(version, group))) {
    const file = again.get(first.path) ?? first;
    total.passed += file.passed;
    total.failed += file.failures.length;
    for (const name of file.failures) complaints.push(`FAILED Node ${version}: ${file.path}: ${name}`);
    if (file.failures.length === 0) for (const name of first.failures) complaints.push(`passed at the second look, Node ${version}: ${file.path}: ${name}`);
    for (const name of file.skipped) skipped.push(`${file.path}: ${name}`);
  }
  // On a user's machine a missing peer is a skip; here everything is there, so a skip is a test that lies about itself.
  if (version === ownVersion && skipped.length > 0) {
    total.failed += 1;
    complaints.push(`FAILED ${skipped.length} tests were skipped:\n  ${skipped.join('\n  ')}`);
  }
}

const versions = new Set((existsSync(reports) ? readdirSync(reports) : []).map((file) => /^node-(\d+)-/.exec(file)?.[1]).filter((version) => version !== undefined));
for (const version of versions) addVersion(version);
const checks = join(root, 'packages', 'tooling', '.cache', 'checks.json');
if (existsSync(checks)) {
  const { passed, failed } = JSON.parse(readFileSync(checks, 'utf8'));
  total.passed += passed;
  total.failed += failed;
}
const missing = [
  ...Object.keys(groups).filter((group) => filesOf(ownVersion, group).length === 0).map((group) => `the tests (${group}) left no report`),
  ...(existsSync(checks) ? [] : ['the checks left no report']),
];
complaints.push(...missing.map((what) => `FAILED ${what}`));
// A step that failed without a failure in its report, as an install or a compiler crash does.
const failedSteps = process.argv.slice(2).filter((step) => !step.endsWith('=0'));
if (total.failed === 0 && (failedSteps.length > 0 || missing.length > 0)) {
  total.failed += Math.max(1, failedSteps.length);
  complaints.push(`FAILED without saying which test: ${failedSteps.join(', ')}`);
}
for (const complaint of complaints) process.stdout.write(`${complaint}\n`);
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
