// `npm test`: the tests that mostly wait go six files at a time, then all others two at a time. With arguments, which are vitest's, one run
// of everything that they name.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { filesOf, forgetReports } from './test-reports.mjs';
import { root } from './workspace.mjs';

// So few that a busy machine may be why they failed.
const fewFiles = 6;

/** How one run is started; the Node that runs it is this one unless named. */
export function testCommand(args, { node = process.execPath, group } = {}) {
  const env = { ...process.env, ...(group === undefined ? {} : { RPCXJS_GROUP: group }) };
  return { file: node, args: ['node_modules/vitest/vitest.mjs', 'run', '--config', 'packages/tooling/vitest.config.ts', ...args], options: { cwd: root, env } };
}

/** Exit code of one run. */
function runTests(given, group) {
  const { file, args, options } = testCommand(given, { group });
  return spawnSync(file, args, { ...options, stdio: 'inherit' }).status ?? 1;
}

/** What is run one after the other, with what is said of it. */
export const groups = { waiting: 'The tests of registries, and of servers that are killed, frozen and drained', rest: 'All other tests' };

/**
 * What failed beside others runs once more by itself, and that counts: on a busy machine a test of milliseconds can miss. Whatever failed at first is named.
 * Undefined when nothing failed, or too much.
 */
export function secondLook(version) {
  const failed = Object.keys(groups).flatMap((group) => filesOf(version, group)).filter(({ failures }) => failures.length > 0);
  if (failed.length === 0 || failed.length > fewFiles) return undefined;
  const names = failed.flatMap(({ path, failures }) => failures.map((name) => `  ${path}: ${name}\n`));
  return { says: `\nNot passed beside others, and now run once more, one file at a time:\n${names.join('')}`, args: failed.map(({ path }) => join(root, path)) };
}

/** Exit code of all tests. */
function runAll() {
  const version = process.versions.node;
  forgetReports(version, [...Object.keys(groups), 'again']);
  const codes = Object.entries(groups).map(([group, says]) => {
    process.stdout.write(`\n${says}\n`);
    return runTests([], group);
  });
  const code = codes.find((one) => one !== 0) ?? 0;
  const look = code === 0 ? undefined : secondLook(version);
  if (look === undefined) return code;
  process.stdout.write(look.says);
  return runTests(look.args, 'again');
}

if (process.argv[1] === import.meta.filename) {
  const args = process.argv.slice(2);
  process.exitCode = args.length > 0 || process.env['RPCXJS_LONG'] === '1' ? runTests(args) : runAll();
}
