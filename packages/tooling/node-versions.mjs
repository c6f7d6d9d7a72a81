// Runs the tests again on the other supported versions of Node, which npm's package `node` brings: `node packages/tooling/node-versions.mjs [22 24]`.
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { groups, runTests } from './tests.mjs';

const exact = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' };
const asked = process.argv.slice(2).filter((argument) => argument in exact);
const majors = asked.length > 0 ? asked : Object.keys(exact).filter((major) => major !== process.versions.node.split('.')[0]);
let failed = 0;

for (const major of majors) {
  // Outside the repository, because npx inside it would look among the repository's own programs first.
  const found = spawnSync('npx', ['--yes', '-p', `node@${exact[major]}`, 'node', '-p', 'process.execPath'], { cwd: tmpdir(), encoding: 'utf8' });
  const node = found.stdout.trim().split('\n').at(-1);
  if (found.status !== 0 || !node) {
    process.stderr.write(`Node ${exact[major]} could not be brought in: ${found.stderr}\n`);
    failed += 1;
    continue;
  }
  process.stdout.write(`the tests on Node ${exact[major]}\n`);
  // What becomes of killed, frozen and rolled processes, and of registries, takes minutes and is the same on every version; so are the tests of the cases themselves.
  const slow = ['interop/test/{governance,registries}/**', 'interop/test/*{heartbeats,faults}*.test.ts', 'conformance/test/**', 'transport-*/test/{faults,loss}.test.ts', 'registry-*/test/*-{outage,errors,tls}.test.ts', 'registry-servers/test/**'].flatMap((files) => ['--exclude', `packages/${files}`]);
  const status = Math.max(...Object.keys(groups).map((group) => runTests([...slow, '--passWithNoTests'], { node, group })));
  if (status !== 0) failed += 1;
}
process.exitCode = failed > 0 ? 1 : 0;
