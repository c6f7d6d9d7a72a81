// `npm test`: the tests of registries several files at a time, because they mostly wait, then all others one after the other, because some of them measure. With arguments, which
// are vitest's, one run of everything that they name.
import { spawnSync } from 'node:child_process';
import { root } from './workspace.mjs';

/** Exit code of one run; the Node that runs it is this one unless named. */
export function runTests(args, { node = process.execPath, group } = {}) {
  const env = { ...process.env, ...(group === undefined ? {} : { RPCXJS_GROUP: group }) };
  const { status } = spawnSync(node, ['node_modules/vitest/vitest.mjs', 'run', '--config', 'packages/tooling/vitest.config.ts', ...args], { cwd: root, env, stdio: 'inherit' });
  return status ?? 1;
}

if (process.argv[1] === import.meta.filename) {
  const args = process.argv.slice(2);
  const groups = args.length > 0 || process.env['RPCXJS_LONG'] === '1' ? [undefined] : ['registries', 'rest'];
  const codes = groups.map((group) => {
    if (group !== undefined) process.stdout.write(group === 'registries' ? '\nThe tests of registries\n' : '\nAll other tests\n');
    return runTests(args, { group });
  });
  process.exitCode = codes.find((code) => code !== 0) ?? 0;
}
