// Writes dist/index.js of each package: all of its sources in one module, and one more for each subpath that it exports (what two of them share
// goes into a chunk, so that there is one copy of it), because Node spends about a third of a millisecond on every file
// that it imports, which is more than running most of them takes. The compiler writes the declarations beside it.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { entries, packages } from './workspace.mjs';

/** What an earlier compiler, an earlier bundle or a deleted source left. */
function removeOtherModules(dist, written) {
  for (const file of readdirSync(dist, { recursive: true })) {
    if (/(?<!\.d)\.(js|js\.map)$/.test(file) && !written.has(file)) rmSync(join(dist, file));
  }
}

await Promise.all(
  packages({ privateToo: true })
    .filter(({ path }) => existsSync(join(path, 'tsconfig.build.json')))
    .map(async (entry) => {
      const { path } = entry;
      const stems = entries(entry).map(({ stem }) => stem);
      const { metafile } = await build({
        entryPoints: (stems.length > 0 ? stems : ['index']).map((stem) => join(path, 'src', `${stem}.ts`)), outdir: join(path, 'dist'), bundle: true, splitting: stems.length > 1,
        chunkNames: 'chunk-[hash]', packages: 'external', format: 'esm', platform: 'neutral', target: 'es2022', sourcemap: true, logLevel: 'warning', metafile: true, absWorkingDir: path,
      });
      removeOtherModules(join(path, 'dist'), new Set(Object.keys(metafile.outputs).map((file) => file.replace(/^dist\//, ''))));
    }),
);
