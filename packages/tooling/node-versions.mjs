// Runs the tests again on the other supported versions of Node, which npm's package `node` brings: `node packages/tooling/node-versions.mjs [22 24]`.
import { spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { groups, runTests, testCommand } from './tests.mjs';

const exact = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' };
const asked = process.argv.slice(2).filter((argument) => argument in exact);
const majors = asked.length > 0 ? asked : Object.keys(exact).filter((major) => major !== process.versions.node.split('.')[0]);
// What becomes of killed, frozen and rolled processes, and of registries, takes minutes and is the same on every version; so are the tests of the cases themselves.
const slow = ['interop/test/{governance,registries}/**', 'interop/test/*{heartbeats,faults}*.test.ts', 'conformance/test/**', 'transport-*/test/{faults,loss}.test.ts', 'registry-*/test/*-{outage,errors,tls}.test.ts', 'registry-servers/test/**'].flatMap((files) => ['--exclude', `packages/${files}`]);
const args = [...slow, '--passWithNoTests'];
let failed = 0;

const found = majors.flatMap((major) => {
  // Outside the repository, because npx inside it would look among the repository's own programs first.
  const { stdout, stderr, status } = spawnSync('npx', ['--yes', '-p', `node@${exact[major]}`, 'node', '-p', 'process.execPath'], { cwd: tmpdir(), encoding: 'utf8' });
  const node = stdout.trim().split('\n').at(-1);
  if (status === 0 && node) return [{ version: exact[major], node }];
  process.stderr.write(`Node ${exact[major]} could not be brought in: ${stderr}\n`);
  failed += 1;
  return [];
});

/** All groups but the one with the registries, which would meet each other in multicast; what it prints comes in one piece. */
async function others({ version, node }) {
  let output = '';
  let worst = 0;
  for (const group of Object.keys(groups).filter((name) => name !== 'waiting')) {
    const { file, options, args: all } = testCommand(args, { node, group });
    const child = spawn(file, all, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += chunk; });
    worst = Math.max(worst, await new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1))));
  }
  process.stdout.write(`\nthe tests on Node ${version}\n${output}`);
  return worst;
}

for (const { version, node } of found) {
  process.stdout.write(`\nthe tests of registries on Node ${version}\n`);
  failed += runTests(args, { node, group: 'waiting' }) === 0 ? 0 : 1;
}
if (found.length > 0) process.stdout.write(`\nall other tests on Node ${found.map(({ version }) => version).join(' and ')}, side by side\n`);
for (const status of await Promise.all(found.map(others))) failed += status === 0 ? 0 : 1;
process.exitCode = failed > 0 ? 1 : 0;
