// Writes dist/index.js of each package: all of its sources in one module, and one more for each subpath that it exports, because Node spends about
// a third of a millisecond on every file that it imports, and again on every package that a file names, which is more than running most of them takes.
// The compiler writes the declarations beside it.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { entries, packages, root } from './workspace.mjs';

const core = join(root, 'packages', 'core', 'src');
// What core's main entry hands on exists once in a process: its errors are recognised, its deadlines and its memory shared.
const once = new Set([...readFileSync(join(core, 'index.ts'), 'utf8').matchAll(/^export \{.* from '\.\/(.+)\.ts';/gm)].map(([, stem]) => join(core, `${stem}.ts`)));
// Two of their entries may each have a copy of what both need. Those of the others share it in one more file.
const apart = new Set(['core', 'client']);

/** Core's other entries go into whoever imports them, which are three packages to look up less for a client; what must exist once is still imported. */
const coreBundled = (entry) => ({
  name: 'core, bundled',
  setup({ onResolve }) {
    const isCore = dirname(entry) === core;
    if (!isCore) onResolve({ filter: /^@rpcxjs\/core\// }, ({ path }) => ({ path: join(core, `${path.slice('@rpcxjs/core/'.length)}.ts`), sideEffects: false }));
    if (entry === join(core, 'index.ts')) return;
    onResolve({ filter: /^\.\/.*\.ts$/ }, ({ path, importer, resolveDir }) => {
      if (dirname(importer) !== core) return undefined;
      if (once.has(resolve(resolveDir, path))) return { path: isCore ? './index.js' : '@rpcxjs/core', external: true };
      // Another entry.
      return isCore && path === './options.ts' ? { path: './options.js', external: true } : { path: resolve(resolveDir, path), sideEffects: false };
    });
  },
});

/** What an earlier compiler, an earlier bundle or a deleted source left. */
function removeOtherModules(dist, written) {
  for (const file of readdirSync(dist, { recursive: true })) {
    if (/(?<!\.d)\.(js|js\.map)$/.test(file) && !written.has(file)) rmSync(join(dist, file));
  }
}

/** Bundles these sources of a package; returns the names of the files written. */
async function bundle({ path }, entryPoints) {
  const { metafile } = await build({
    entryPoints, outdir: join(path, 'dist'), bundle: true, splitting: entryPoints.length > 1, plugins: [coreBundled(entryPoints[0])],
    chunkNames: 'chunk-[hash]', packages: 'external', format: 'esm', platform: 'neutral', target: 'es2022', sourcemap: true, logLevel: 'warning', metafile: true, absWorkingDir: path,
  });
  return Object.keys(metafile.outputs).map((file) => file.replace(/^dist\//, ''));
}

await Promise.all(
  packages({ privateToo: true })
    .filter(({ path }) => existsSync(join(path, 'tsconfig.build.json')))
    .map(async (entry) => {
      const { folder, path } = entry;
      const stems = entries(entry).map(({ stem }) => stem);
      const sources = (stems.length > 0 ? stems : ['index']).map((stem) => join(path, 'src', `${stem}.ts`));
      const written = await Promise.all((apart.has(folder) ? sources.map((source) => [source]) : [sources]).map((together) => bundle(entry, together)));
      removeOtherModules(join(path, 'dist'), new Set(written.flat()));
    }),
);
