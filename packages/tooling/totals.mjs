// Adds up what a CI run did, from the reports that the steps left: `node totals.mjs name=exit-code …` ends with "N passed, N failed".
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './workspace.mjs';

const cache = join(root, 'packages', 'tooling', '.cache');
const reports = join(cache, 'tests');
const total = { passed: 0, failed: 0 };
const complaints = [];
const version = `node-${process.versions.node.split('.')[0]}`;
const own = ['', '-waiting'].map((group) => `${version}${group}.json`);

function addTests(file) {
  const report = JSON.parse(readFileSync(join(reports, file), 'utf8'));
  const skipped = [];
  for (const { name, status, message, assertionResults } of report.testResults) {
    // A file that could not be loaded has no results of its own.
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) {
      total.failed += 1;
      complaints.push(`${relative(root, name)}: ${message}`);
    }
    for (const test of assertionResults) {
      if (test.status === 'passed') total.passed += 1;
      else if (test.status === 'failed') {
        total.failed += 1;
        complaints.push(`${file}: ${relative(root, name)}: ${test.fullName}`);
      } else skipped.push(`${relative(root, name)}: ${test.fullName}`);
    }
  }
  // On a user's machine a missing peer is a skip; here everything is there, so a skip is a test that lies about itself.
  if (own.includes(file) && skipped.length > 0) {
    total.failed += 1;
    complaints.push(`${skipped.length} tests were skipped:\n  ${skipped.join('\n  ')}`);
  }
}

const files = existsSync(reports) ? readdirSync(reports) : [];
for (const file of files) addTests(file);
const checks = join(cache, 'checks.json');
if (existsSync(checks)) {
  const { passed, failed } = JSON.parse(readFileSync(checks, 'utf8'));
  total.passed += passed;
  total.failed += failed;
}
// A step that failed without a failure in its report, as an install or a compiler crash does.
const failedSteps = process.argv.slice(2).filter((step) => !step.endsWith('=0'));
if (!own.every((file) => files.includes(file))) complaints.push('the tests left no report');
if (!existsSync(checks)) complaints.push('the checks left no report');
if (total.failed === 0 && (failedSteps.length > 0 || !own.every((file) => files.includes(file)) || !existsSync(checks))) {
  total.failed += Math.max(1, failedSteps.length);
  complaints.push(`failed without saying which test: ${failedSteps.join(', ')}`);
}
for (const complaint of complaints) process.stdout.write(`FAILED ${complaint}\n`);
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
