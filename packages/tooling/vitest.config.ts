import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { readmeBlocks } from './readme-blocks.ts';
import { reportOf } from './test-reports.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Pages of docs with a block that runs. */
const pages = readdirSync(`${root}docs`).map((name) => `docs/${name}`).filter((file) => file.endsWith('.md') && /^```ts test\b/m.test(readFileSync(root + file, 'utf8')));
const long = process.env['RPCXJS_LONG'] === '1';
// `waiting`, `rest` or `again`, see tests.mjs; everything without it.
const group = process.env['RPCXJS_GROUP'];
const report: ['json', { outputFile: string }] = ['json', { outputFile: reportOf(process.versions.node, group) }];
const ofOutages = ['packages/interop/test/governance/{frozen,failing,endings,killed,lists}.interop.test.ts', 'packages/interop/test/*heartbeats*.interop.test.ts'];
const ofRegistries = ['packages/registry-*/{src,test}/**/*.test.ts', 'packages/registry-*/README.md', 'packages/interop/test/registries/**/*.test.ts'];
const waiting = [...ofRegistries, ...ofOutages];

const workers: Readonly<Record<string, number>> = { waiting: 6, rest: 2 };

// Files that take minutes begin first, because the last of them ends the run; those that tell milliseconds come last, when the others only wait.
const order = [/consul-resilience/, /(etcd|zookeeper)-outages\.interop|redis-resilience/, /estates\.interop/, /^(?!.*(governance|heartbeats))/];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => order.findIndex((names) => names.test(moduleId)) >>> 0;
    const sorted = await super.sort(files);
    return group === 'waiting' ? sorted.toSorted((one, other) => rank(one) - rank(other)) : sorted;
  }
}

export default defineConfig({
  root,
  plugins: [readmeBlocks(root)],
  test: {
    include: long
      ? ['packages/*/{src,test}/**/*.long.test.ts', 'examples/**/*.long.test.ts']
      : group === 'waiting' ? waiting : ['packages/*/{src,test}/**/*.test.ts', 'packages/tooling/*.test.ts', 'packages/*/README.md', 'README.md', ...pages, 'examples/*.test.ts', 'benchmarks/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', ...(long ? [] : ['**/*.long.test.ts']), ...(group === 'rest' ? waiting : [])],
    // Those that wait do so most of the time, for servers that were killed or frozen and for the network.
    ...(group === undefined ? {} : { maxWorkers: workers[group] ?? 1 }),
    sequence: { sequencer: LongestFirst },
    globalSetup: ['packages/tooling/temporary-folder.ts'],
    setupFiles: ['packages/tooling/leak-check.ts'],
    pool: 'forks',
    // A fresh process for each file costs a third of a second; the leak check makes sharing one safe.
    isolate: false,
    testTimeout: long ? 600_000 : 15_000,
    hookTimeout: long ? 600_000 : 30_000,
    passWithNoTests: long,
    reporters: [process.env['CI'] ? 'dot' : 'default', ...(group === undefined ? [] : [report])],
  },
});
