// Runs the tests again on the other supported versions of Node, which npm's package `node` brings: `node packages/tooling/node-versions.mjs [22 24]`.
import { spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { forgetReports } from './test-reports.mjs';
import { groups, secondLook, testCommand } from './tests.mjs';

const exact = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' };
const asked = process.argv.slice(2).filter((argument) => argument in exact);
const majors = asked.length > 0 ? asked : Object.keys(exact).filter((major) => major !== process.versions.node.split('.')[0]);
// What becomes of killed, frozen and rolled processes and of registries, and what goes over the wire to Go, takes minutes and is the same on every version; so are the tests of the cases themselves.
const slow = ['interop/test/{governance,registries,transports}/**', 'interop/test/*{heartbeats,faults}*.test.ts', 'conformance/test/**', 'transport-*/test/{faults,loss}.test.ts', 'registry-*/test/*-{outage,errors,tls}.test.ts', 'registry-servers/test/**'].flatMap((files) => ['--exclude', `packages/${files}`]);
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

let turn = Promise.resolve();

/** One after the other: the tests of registries on two versions would meet each other in multicast. */
function inTurn(work) {
  turn = turn.then(work);
  return turn;
}

/** Exit code of the tests of one group, and what they printed. */
async function run(node, group, { says = `\n${groups[group]}\n`, args: given = group === 'rest' ? [...args, '--maxWorkers=1'] : args } = {}) {
  const { file, options, args: all } = testCommand(given, { node, group });
  const child = spawn(file, all, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = says;
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += chunk; });
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, output };
}

/** Both groups one after the other, every second version in reverse, so that one waits while the other works; what it prints comes in one piece. */
async function all({ version, node }, index) {
  const names = index % 2 === 0 ? Object.keys(groups) : Object.keys(groups).reverse();
  const results = [];
  forgetReports(version, [...names, 'again']);
  for (const group of names) results.push(await (group === 'waiting' ? inTurn(() => run(node, group)) : run(node, group)));
  const passed = results.every(({ code }) => code === 0);
  const look = passed ? undefined : secondLook(version);
  const again = look === undefined ? undefined : await inTurn(() => run(node, 'again', look));
  process.stdout.write(`\nthe tests on Node ${version}\n${[...results, again ?? { output: '' }].map(({ output }) => output).join('')}`);
  return again?.code ?? (passed ? 0 : 1);
}

process.stdout.write(`\nthe tests on Node ${found.map(({ version }) => version).join(' and ')}, side by side\n`);
for (const status of await Promise.all(found.map(all))) failed += status;
process.exitCode = failed > 0 ? 1 : 0;
