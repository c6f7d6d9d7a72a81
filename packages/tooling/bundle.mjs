// Writes dist/index.js of each package: all of its sources in one module, because Node spends about a third of a millisecond on every file
// that it imports, which is more than running most of them takes. The compiler writes the declarations beside it.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { packages } from './workspace.mjs';

/** What an earlier compiler or a deleted source left. */
function removeOtherModules(dist) {
  if (!existsSync(dist)) return;
  for (const file of readdirSync(dist, { recursive: true })) {
    if (/(?<!\.d)\.(js|js\.map)$/.test(file) && !/^index\.js(\.map)?$/.test(file)) rmSync(join(dist, file));
  }
}

await Promise.all(
  packages({ privateToo: true })
    .filter(({ path }) => existsSync(join(path, 'tsconfig.build.json')))
    .map(async ({ path }) => {
      removeOtherModules(join(path, 'dist'));
      await build({
        entryPoints: [join(path, 'src', 'index.ts')], outfile: join(path, 'dist', 'index.js'), bundle: true, packages: 'external',
        format: 'esm', platform: 'neutral', target: 'es2022', sourcemap: true, logLevel: 'warning',
      });
    }),
);
