import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { readmeBlocks } from './readme-blocks.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const long = process.env['RPCXJS_LONG'] === '1';
// `registries` or `rest`, see tests.mjs; everything without it.
const group = process.env['RPCXJS_GROUP'];
const report = fileURLToPath(new URL(`.cache/tests/node-${process.versions.node.split('.')[0] ?? ''}${group === 'registries' ? '-registries' : ''}.json`, import.meta.url));
const ofRegistries = ['packages/registry-*/{src,test}/**/*.test.ts', 'packages/registry-*/README.md', 'packages/interop/test/registries/**/*.test.ts'];

export default defineConfig({
  root,
  plugins: [readmeBlocks(root)],
  test: {
    include: long
      ? ['packages/*/{src,test}/**/*.long.test.ts', 'examples/**/*.long.test.ts']
      : group === 'registries' ? ofRegistries : ['packages/*/{src,test}/**/*.test.ts', 'packages/tooling/*.test.ts', 'packages/*/README.md', 'README.md', 'docs/write-your-own.md', 'docs/write-your-own-registry.md', 'docs/coming-from-go.md', 'examples/*.test.ts', 'benchmarks/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', ...(long ? [] : ['**/*.long.test.ts']), ...(group === 'rest' ? ofRegistries : [])],
    // They wait for servers that were killed or frozen most of the time.
    ...(group === 'registries' ? { maxWorkers: 6 } : {}),
    setupFiles: ['packages/tooling/leak-check.ts'],
    pool: 'forks',
    // A fresh process for each file costs a third of a second; the leak check makes sharing one safe.
    isolate: false,
    testTimeout: long ? 600_000 : 15_000,
    hookTimeout: long ? 600_000 : 30_000,
    passWithNoTests: long,
    reporters: process.env['CI'] ? ['dot', ['json', { outputFile: report }]] : ['default'],
  },
});
