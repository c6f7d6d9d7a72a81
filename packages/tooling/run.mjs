// The entry of every npm script: brings in the dependencies when they are missing or stale, then runs the steps of one command.
// Needs nothing but Node and npm, so it may import Node's own modules only.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const pnpm = 'pnpm@10.34.9';
const vitest = ['node', 'packages/tooling/tests.mjs'];

/** What each command says and runs; arguments of the user are added to the last step. */
const commands = {
  start: { says: 'rpcxjs: running examples/01-hello', steps: [['node', '--import', 'tsx', 'examples/01-hello/main.ts']] },
  web: { says: 'rpcxjs: running examples/browser', steps: [['node', '--import', 'tsx', 'examples/browser/serve.ts']] },
  test: { says: 'rpcxjs: running the tests (vitest)', steps: [vitest] },
  'test:long': { says: 'rpcxjs: running the long tests (vitest, *.long.test.ts)', steps: [vitest], env: { RPCXJS_LONG: '1' } },
  'test:nodes': { says: 'rpcxjs: running the tests on the other supported versions of Node', steps: [['node', 'packages/tooling/node-versions.mjs']] },
  check: { says: 'rpcxjs: running every check but the tests', steps: [['node', 'packages/tooling/check.mjs']] },
  generate: {
    says: 'rpcxjs: writing what is generated: API reports and option tables',
    steps: [['tsc', '-b', 'packages/tsconfig.build.json'], ['node', 'packages/tooling/options.mjs'], ['node', 'packages/tooling/api-reports.mjs', '--local']],
  },
  changeset: { says: 'rpcxjs: describing a change for the next version', steps: [['packages/tooling/node_modules/.bin/changeset']] },
  bench: { says: 'rpcxjs: running the benchmarks', steps: [['node', 'benchmarks/run.mjs']] },
};

function fail(message, code = 1) {
  process.stderr.write(`rpcxjs: ${message}\n`);
  process.exit(code);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || major === 21 || (major === 20 && minor < 19) || (major === 22 && minor < 12)) fail(`needs Node 20.19, or 22.12 or newer, this is ${process.versions.node}`);
}

function run([program, ...args], env, cwd = root) {
  // On Windows the programs of node_modules/.bin are .cmd files, which only a shell starts.
  const shell = process.platform === 'win32' && program !== 'node';
  const { status, signal, error } = spawnSync(program === 'node' ? process.execPath : program, args, { cwd, env, shell, stdio: 'inherit' });
  if (error) fail(`could not start ${program}: ${error.message}`);
  return signal ? 1 : (status ?? 1);
}

/** Changes whenever what `install` would do changes. */
function fingerprint() {
  const hash = createHash('sha256');
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']) hash.update(readFileSync(join(root, file)));
  return hash.update(`${process.platform} ${process.arch}`).digest('hex');
}

function install() {
  const stamp = join(root, 'node_modules', '.installed');
  const wanted = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  process.stdout.write('rpcxjs: installing the dependencies with pnpm (only when they changed)\n');
  // npm's own variables would reach pnpm as settings, and inside the repository npx would start the pnpm that is being replaced.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_')));
  const args = ['--yes', pnpm, '--dir', root, 'install', '--frozen-lockfile', '--prefer-offline', '--loglevel=warn'];
  const status = run(['npx', ...args], env, tmpdir());
  if (status !== 0) fail(`the install failed (exit code ${status}); is the package registry reachable?`, status);
  writeFileSync(stamp, wanted);
}

checkNode();
const [name, ...extra] = process.argv.slice(2);
const web = extra.indexOf('--web');
const command = name === 'start' && web >= 0 ? commands.web : commands[name];
if (!command) fail(`unknown command ${name}; known are ${Object.keys(commands).join(', ')}`);
install();
process.stdout.write(`${command.says}\n`);
const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
const env = { ...process.env, PATH: path, TURBO_TELEMETRY_DISABLED: '1', ...command.env };
for (const [index, step] of command.steps.entries()) {
  const status = run(index === command.steps.length - 1 ? [...step, ...extra] : step, env);
  if (status !== 0) process.exit(status);
}
