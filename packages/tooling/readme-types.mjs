// Type-checks every block of READMEs and docs marked `ts test` as a user's own file would be: running one proves its values, not its types.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { entries, packages, root } from './workspace.mjs';

const fence = /^```ts test\b[^\n]*\n([\s\S]*?)^```/gm;
const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const cache = join(root, 'packages', 'rpcx', '.cache');
const pages = [
  { page: join(root, 'README.md'), out: join(cache, 'root-readme') },
  ...docs.map((name) => ({ page: join(root, 'docs', name), out: join(cache, 'docs', name) })),
  ...packages().map(({ path }) => ({ page: join(path, 'README.md'), out: join(path, '.cache', 'readme') })),
];
const files = [];

for (const { page, out } of pages) {
  rmSync(out, { recursive: true, force: true });
  const blocks = existsSync(page) ? [...readFileSync(page, 'utf8').matchAll(fence)] : [];
  if (blocks.length > 0) mkdirSync(out, { recursive: true });
  for (const [index, match] of blocks.entries()) {
    const file = join(out, `block-${index + 1}.ts`);
    // `expression // => value` is read by the test; alone it would be an unused expression, which the compiler allows.
    writeFileSync(file, `${match[1]}\nexport {};\n`);
    files.push(file);
  }
}

const config = join(root, 'packages', 'tooling', '.cache', 'readmes.tsconfig.json');
mkdirSync(join(config, '..'), { recursive: true });
writeFileSync(config, JSON.stringify({
  extends: '../tsconfig.tests.json',
  compilerOptions: {
    // As strict as most users are, who do not know of the stricter settings of this repository.
    noUncheckedIndexedAccess: false, exactOptionalPropertyTypes: false,
    incremental: false, noEmit: true, allowImportingTsExtensions: false, typeRoots: [join(root, 'node_modules', '@types')],
    paths: Object.fromEntries(packages().flatMap((entry) => entries(entry).map(({ name, stem }) => [name, [join(entry.path, 'dist', `${stem}.d.ts`)]]))),
  },
  files,
}));
const { status, stdout, stderr, error } = spawnSync('tsc', ['-p', config], { cwd: root, encoding: 'utf8' });
if (files.length > 0 && status !== 0) process.stderr.write(error ? `tsc did not start: ${error.message}\n` : `${stdout}${stderr}`);
process.stdout.write(`${files.length} blocks of READMEs and docs\n`);
process.exitCode = files.length === 0 || status !== 0 ? 1 : 0;
