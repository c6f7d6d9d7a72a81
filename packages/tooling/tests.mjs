// `npm test`: the tests that mostly wait go six files at a time, then all others two at a time. With arguments, which are vitest's, one run
// of everything that they name.
import { spawnSync } from 'node:child_process';
import { root } from './workspace.mjs';

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

if (process.argv[1] === import.meta.filename) {
  const args = process.argv.slice(2);
  const wanted = args.length > 0 || process.env['RPCXJS_LONG'] === '1' ? [undefined] : Object.keys(groups);
  const codes = wanted.map((group) => {
    if (group !== undefined) process.stdout.write(`\n${groups[group]}\n`);
    return runTests(args, group);
  });
  process.exitCode = codes.find((code) => code !== 0) ?? 0;
}
