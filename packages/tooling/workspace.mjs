// What the checks know about the workspace: its root, its packages and their sources.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The root of the repository. */
export const root = resolve(import.meta.dirname, '..', '..');

/** Every package below `packages/`, by its folder's name, with its parsed package.json; the published ones only unless told otherwise. */
export function packages({ privateToo = false } = {}) {
  return readdirSync(join(root, 'packages'))
    .map((folder) => ({ folder, path: join(root, 'packages', folder) }))
    .filter(({ path }) => existsSync(join(path, 'package.json')))
    .map((entry) => ({ ...entry, manifest: JSON.parse(readFileSync(join(entry.path, 'package.json'), 'utf8')) }))
    .filter(({ manifest }) => privateToo || !manifest.private);
}

/** Where the check `packed` puts the tarball of each published package, by the package's name, as a dependency says it. */
export function tarballs() {
  const folder = join(root, 'packages', 'tooling', '.cache', 'tarballs');
  return Object.fromEntries(packages().map(({ manifest: { name, version } }) => [name, `file:${join(folder, `${name.slice(1).replace('/', '-')}-${version}.tgz`)}`]));
}

/** What can be imported of a package: the stem of each source that `exports` names, `index` first, with its name for whoever imports it. */
export function entries({ manifest }) {
  const doors = Object.keys(manifest.exports ?? {}).map((key) => ({ stem: key === '.' ? 'index' : key.slice(2), name: `${manifest.name}${key.slice(1)}` }));
  return doors.toSorted((a, b) => Number(b.stem === 'index') - Number(a.stem === 'index'));
}

/** The TypeScript files below a folder of a package that people wrote, tests left out unless asked for, as absolute paths. */
export function sources(path, { testsToo = false } = {}) {
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true })
    .filter((file) => file.endsWith('.ts') && !/\.d\.ts$|generated\//.test(file) && (testsToo || !/\.test(-d)?\.ts$/.test(file)))
    .map((file) => join(path, file))
    .toSorted();
}
