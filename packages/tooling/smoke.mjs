// Installs the packed tarballs into an empty project, as a user would, type-checks a program there and makes one call, imported and required; then a tour of calls on Node, Bun and Deno, bundled, and with core installed twice.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, tarballs } from './workspace.mjs';

const project = realpathSync(mkdtempSync(join(tmpdir(), 'rpcxjs-smoke-')));
const problems = [];
const toured = '42, 1, OutOfStock {"left":3}, deadline_exceeded, deadline_exceeded, canceled, canceled, true, true, again';
// The package of npm that brings a program, what that has to say, and how it is run. The compiler is the oldest one that our declarations are for.
const elsewhere = [['bun@1.4.5', toured, 'bun', 'tour.mjs'], ['deno@2.9.6', toured, 'deno', 'run', '--allow-all', 'tour.mjs'], ['typescript@5.6.3', '', 'tsc', '-p', '.', '--noEmit']];

function run(what, program, args, expected) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: project, encoding: 'utf8', timeout: 120_000, env: { ...process.env, NODE_PATH: '' } });
  if (error || status !== 0 || (expected !== undefined && stdout.trim() !== expected)) problems.push(`${what}: ${error?.message ?? ''}${stdout}${stderr}`);
  else if (expected !== undefined && stderr !== '') problems.push(`${what} wrote to stderr: ${stderr}`);
}

try {
  const files = tarballs();
  const missing = Object.values(files).filter((file) => !existsSync(file.slice(5)));
  if (missing.length > 0) throw new Error(`not packed: ${missing.join(', ')}`);
  writeFileSync(join(project, 'package.json'), JSON.stringify({
    name: 'empty-project', private: true,
    dependencies: Object.fromEntries(['@rpcxjs/rpcx', '@rpcxjs/core', '@rpcxjs/client'].map((name) => [name, files[name]])),
    devDependencies: { '@types/node': '^20.19.0' },
    // Nothing is published yet when this runs, so what rpcx depends on comes from the tarballs too.
    pnpm: { overrides: files },
  }, null, 2));
  const options = { module: 'nodenext', moduleResolution: 'nodenext', target: 'es2023', strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, types: ['node'] };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['call.mts'] }));
  const page = { ...options, target: 'es2022', lib: ['es2022', 'dom'], types: [], noEmit: true };
  writeFileSync(join(project, 'page.json'), JSON.stringify({ compilerOptions: page, files: ['page.mts'] }));
  for (const file of ['call', 'page']) copyFileSync(join(root, `packages/tooling/smoke/${file}.ts`), join(project, `${file}.mts`));
  for (const file of ['call.cjs', 'tour.mjs']) copyFileSync(join(root, 'packages/tooling/smoke', file), join(project, file));
  run('install', 'pnpm', ['install', '--prefer-offline', '--ignore-workspace', '--loglevel=warn']);
  if (problems.length === 0) {
    run('compile', 'tsc', ['-p', '.']);
    run('compile a page', 'tsc', ['-p', 'page.json']);
    run('import', process.execPath, ['call.mjs'], 'hello, tarball');
    run('require', process.execPath, ['call.cjs'], 'hello, tarball');
    run('a tour on Node', process.execPath, ['tour.mjs'], toured);
    run('bundle', 'esbuild', ['tour.mjs', '--bundle', '--minify', '--platform=node', '--format=esm', '--outfile=bundled.mjs', '--log-level=warning']);
    run('a tour of one file', process.execPath, ['bundled.mjs'], toured);
    for (const [brings, expected, name, ...args] of elsewhere) {
      const npx = ['--yes', '--loglevel=error', '-p', brings, name];
      const brought = spawnSync('npx', [...npx, '--version'], { cwd: tmpdir(), encoding: 'utf8', timeout: 120_000 });
      if (brought.status === 0) run(`${brings} ${args.join(' ')}`, 'npx', [...npx, ...args], expected);
      else if (process.env['CI']) problems.push(`${brings} could not be brought in: ${brought.stderr}`);
      else process.stdout.write(`skipped: ${brings} could not be brought in\n`);
    }
    // As where versions do not fit together: the client comes with a copy of core of its own.
    const [core, client] = ['core', 'client'].map((name) => realpathSync(join(project, 'node_modules/@rpcxjs', name)));
    for (const part of ['dist', 'package.json']) cpSync(join(core, part), join(client, 'node_modules/@rpcxjs/core', part), { recursive: true });
    run('a tour with two copies of core', process.execPath, ['tour.mjs'], toured);
  }
} catch (error) {
  problems.push(error.message);
} finally {
  rmSync(project, { recursive: true, force: true });
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(`an empty project: ${problems.length} problems\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
