// `npm run check`: every check but the tests, as turbo tasks, so that what did not change is not checked again; ends with one line for each.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './workspace.mjs';

const checks = {
  compile: 'all sources and tests compile, type tests included',
  lint: 'type-aware lint',
  borders: 'borders between packages',
  unused: 'nothing unused, nothing undeclared',
  sane: 'the workspace is consistent',
  api: 'public surfaces equal their reports',
  packed: 'tarballs are installable and well-typed',
  smoke: 'an empty project, and the packages to copy, work with the tarballs',
  size: 'size of each entry',
  typecost: 'what the types cost the compiler',
  readmes: 'blocks of READMEs and docs type-check',
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(checks, name));
if (unknown.length > 0) {
  process.stderr.write(`rpcxjs: there is no check called ${unknown.join(', ')}; known are ${Object.keys(checks).join(', ')}\n`);
  process.exit(1);
}
const names = wanted.length > 0 ? wanted : Object.keys(checks);
const runs = join(root, '.turbo', 'runs');
rmSync(runs, { recursive: true, force: true });
const options = ['--filter=@rpcxjs/tooling', '--continue=dependencies-successful', '--output-logs=errors-only', '--summarize', '--concurrency=2', '--no-update-notifier'];
spawnSync('turbo', ['run', ...names, ...options], { cwd: root, stdio: 'inherit' });

const [summary] = readdirSync(runs).map((file) => JSON.parse(readFileSync(join(runs, file), 'utf8')));
const results = names.map((name) => {
  const task = summary.tasks.find((candidate) => candidate.taskId === `@rpcxjs/tooling#${name}`);
  const { startTime = 0, endTime = 0, exitCode } = task?.execution ?? {};
  return { name, passed: exitCode === 0, cached: task?.cache?.status === 'HIT', started: task?.execution !== undefined, seconds: (endTime - startTime) / 1000 };
});
process.stdout.write('\n');
for (const { name, passed, cached, started, seconds } of results) {
  const how = cached ? 'unchanged since it last passed' : started ? `${seconds.toFixed(1)} s` : 'not run, because what it needs failed';
  process.stdout.write(`${passed ? 'ok    ' : 'FAILED'} ${name.padEnd(9)} ${checks[name]} (${how})\n`);
}
const failed = results.filter(({ passed }) => !passed).length;
const cache = join(root, 'packages', 'tooling', '.cache');
mkdirSync(cache, { recursive: true });
writeFileSync(join(cache, 'checks.json'), JSON.stringify({ passed: results.length - failed, failed }));
process.stdout.write(`${results.length - failed} checks passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
