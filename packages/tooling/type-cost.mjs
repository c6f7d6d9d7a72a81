// Counts what our types cost the compiler: instantiations for each method of a contract with 500 methods, used by a client and implemented by a server.
// The compiler is the pinned one of this repository; another version counts differently.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './workspace.mjs';

const methods = 500;
const budgetPerMethod = 150;
const folder = join(root, 'packages', 'tooling', '.cache', 'type-cost');

function program(count) {
  const names = Array.from({ length: count }, (_, index) => `M${index}`);
  const fields = (name) => `{ A${name}: number; B${name}: string; C${name}: boolean; D${name}: number[]; E${name}: { F: string } }`;
  return [
    `import { contract, unary } from '${join(root, 'packages/core/src/index.ts')}';`,
    `import type { Client } from '${join(root, 'packages/client/src/index.ts')}';`,
    `import type { Server } from '${join(root, 'packages/server/src/index.ts')}';`,
    'declare const client: Client;',
    'declare const server: Server;',
    "const All = contract('All', {",
    ...names.map((name) => `  ${name}: unary<${fields(`${name}In`)}, ${fields(`${name}Out`)}>(),`),
    '});',
    'const all = client.service(All);',
    'server.register(All, {',
    ...names.map((name) => `  ${name}: (input) => ({ A${name}Out: input.A${name}In, B${name}Out: '', C${name}Out: true, D${name}Out: [], E${name}Out: { F: '' } }),`),
    '});',
    'export async function use(): Promise<void> {',
    ...names.map((name) => `  (await all.${name}({ A${name}In: 1, B${name}In: '', C${name}In: true, D${name}In: [], E${name}In: { F: '' } })).A${name}Out.toFixed();`),
    '}',
  ].join('\n');
}

function instantiations(count) {
  const file = join(folder, `methods-${count}.ts`);
  writeFileSync(file, program(count));
  const config = join(folder, `methods-${count}.json`);
  writeFileSync(config, JSON.stringify({ extends: join(root, 'packages', 'tooling', 'tsconfig.tests.json'), compilerOptions: { incremental: false, types: [] }, files: [file] }));
  const { status, stdout, stderr } = spawnSync('tsc', ['-p', config, '--extendedDiagnostics'], { cwd: folder, encoding: 'utf8' });
  const counted = /Instantiations:\s+(\d+)/.exec(stdout)?.[1];
  if (status !== 0 || counted === undefined) throw new Error(`tsc failed on ${file}: ${stdout}${stderr}`);
  return Number(counted);
}

mkdirSync(folder, { recursive: true });
const perMethod = (instantiations(methods) - instantiations(0)) / methods;
process.stdout.write(`${perMethod.toFixed(1)} instantiations a method (budget ${budgetPerMethod})\n`);
process.exitCode = perMethod > budgetPerMethod ? 1 : 0;
