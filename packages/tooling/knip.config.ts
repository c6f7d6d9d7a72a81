import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { KnipConfig } from 'knip';

const fence = /^```ts test\b[^\n]*\n([\s\S]*?)^```/gm;

/** What nothing imports but somebody reads or runs: benches, programs that tests start, and the README, whose blocks are tests, if it names other packages. */
function entriesOf(folder: string): string[] {
  const readme = `packages/${folder}/README.md`;
  const names = existsSync(readme) ? [...readFileSync(readme, 'utf8').matchAll(/from '@rpcxjs\/([\w-]+)(?:\/[\w-]+)?'/g)].map((match) => match[1]) : [];
  return [...(names.some((name) => name !== folder) ? ['README.md'] : []), ...(existsSync(`packages/${folder}/bench`) ? ['bench/*'] : []), ...(['interop', 'transport-tcp'].includes(folder) ? ['test/**/*-program.ts'] : [])];
}
const folders = readdirSync('packages').filter((name) => name !== 'tooling' && existsSync(`packages/${name}/package.json`));

const config: KnipConfig = {
  // The defaults of options are exported for their test, which imports them by name.
  ignoreExportsUsedInFile: true,
  ignore: ['packages/*/test/generated/**'],
  // Prose: the compiler below makes every Markdown file a source.
  ignoreFiles: ['**/*.md'],
  // A README block is a test, so what it imports is used.
  compilers: { md: (text: string) => [...text.matchAll(fence)].map((match) => match[1]?.match(/^import .*$/gm)?.join('\n') ?? '').join('\n') },
  workspaces: {
    '.': { ignoreDependencies: ['pnpm'] },
    'packages/tooling': {
      entry: ['*.{mjs,cjs,ts}', 'smoke/*'],
      ignoreDependencies: ['@arethetypeswrong/cli', '@changesets/cli', 'publint'],
      ignoreBinaries: ['go'],
    },
    ...Object.fromEntries(folders.map((folder) => [`packages/${folder}`, { entry: entriesOf(folder), ...(folder === 'interop' ? { ignoreBinaries: ['unshare'] } : {}) }])),
    'examples/*': { entry: ['*.ts'] },
    benchmarks: { entry: ['**/*.{mjs,ts}'], ignoreBinaries: ['go', 'taskset'] },
  },
};

export default config;
