// Bundles and packs each published package, and judges the tarball, which is what users get: publint, and "are the types wrong".
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { packages, root } from './workspace.mjs';

const out = join(root, 'packages', 'tooling', '.cache', 'tarballs');

function run(program, args, cwd) {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk) => { output += chunk; });
    child.stderr.on('data', (chunk) => { output += chunk; });
    child.on('error', (error) => resolve({ failed: true, output: error.message }));
    child.on('close', (code) => resolve({ failed: code !== 0, output }));
  });
}

/** The compiler leaves the declarations of a deleted source where they are; the bundler cleans up after itself. */
function removeStale(path) {
  for (const file of readdirSync(join(path, 'dist'), { recursive: true })) {
    const source = file.replace(/\.d\.ts(\.map)?$/, '.ts');
    if (source !== file && !existsSync(join(path, 'src', source))) rmSync(join(path, 'dist', file));
  }
}

/** Nothing but what the user needs: no test, no map of a source that is not there, no tool's cache. */
function contentProblems(paths) {
  return paths.filter((path) => !/^(package\.json|README\.md|LICENSE|dist\/(?!.*\.test)[^.][^/]*(\/[^/]+)*\.(js|d\.ts)(\.map)?)$/.test(path)).map((path) => `ships ${path}`);
}

async function judge({ folder, path, manifest }) {
  // Every package has the version that changesets gave all of them, so the file's name is known.
  const tarball = join(out, `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`);
  removeStale(path);
  const packed = await run('pnpm', ['pack', '--json', '--pack-destination', out], path);
  if (packed.failed) return [`${folder}: pnpm pack: ${packed.output}`];
  const problems = contentProblems(JSON.parse(packed.output).files.map((file) => file.path));
  const lint = await run('publint', ['run', '--strict', tarball], root);
  if (lint.failed) problems.push(`publint: ${lint.output}`);
  const types = await run('attw', ['--profile', 'esm-only', '--format', 'ascii', tarball], root);
  if (types.failed) problems.push(`attw: ${types.output}`);
  return problems.map((problem) => `${folder}: ${problem}`);
}

await import('./bundle.mjs');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const queue = packages();
const count = queue.length;
const problems = [];
async function work() {
  for (let entry = queue.shift(); entry; entry = queue.shift()) problems.push(...(await judge(entry)));
}
await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(`${count} tarballs, ${problems.length} problems\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
