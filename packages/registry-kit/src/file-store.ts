import { createHash, randomUUID } from 'node:crypto';
import { lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { SnapshotStore } from '@rpcxjs/core/discoveries';

export interface FileStoreOptions {
  /** Where the files are; made, for its owner only, when something is saved. Several processes may share it. */
  readonly directory: string;
}

const ending = '.instances';
const longestName = 120;
const temporaryName = /^\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.tmp$/;
/** A temporary file this old was left by a process that died. */
const leftMs = 600_000;

/**
 * Snapshots for `cached` on disk: one file for each service, readable by its owner only, replaced as a whole. A process that dies on the way, a full disk and
 * another process that saves at the same time leave the file as it was or as it was meant. The content carries its own hash, which `cached` checks. What a killed process leaves
 * beside it is taken away by whoever saves there ten minutes later.
 */
export function fileStore(options: FileStoreOptions): SnapshotStore {
  if (typeof options?.directory !== 'string' || options.directory === '') throw new TypeError("fileStore needs a directory: fileStore({ directory: '/var/lib/shop/instances' })");
  // Resolved at once, because the program may change its working directory.
  const directory = resolve(options.directory);
  let swept = -Infinity;
  return {
    async load(service) {
      try {
        return await readFile(join(directory, fileName(service)), 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    async save(service, text) {
      await make(directory);
      if (performance.now() - swept > leftMs) {
        swept = performance.now();
        await sweep(directory);
      }
      const path = join(directory, fileName(service));
      // A rename is all or nothing only within one file system, so the new file is written beside the old one.
      const temporary = join(directory, `.${randomUUID()}.tmp`);
      try {
        await write(temporary, text);
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => {});
        throw error;
      }
    },
  };
}

/** Not by `recursive`: where a directory exists and nothing can be made in it, as in /proc, that one tries for ever. */
async function make(directory: string): Promise<void> {
  const once = (): Promise<NodeJS.ErrnoException | undefined> => mkdir(directory, { mode: 0o700 }).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return undefined;
      if (error.code === 'ENOENT' && dirname(directory) !== directory) return error;
      throw error;
    },
  );
  if ((await once()) === undefined) return;
  await make(dirname(directory));
  const missing = await once();
  if (missing !== undefined) throw missing;
}

/** Takes away what processes that were killed in the middle of a save have left. Never rejects: nothing depends on it. */
async function sweep(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const path of names.filter((name) => temporaryName.test(name)).map((name) => join(directory, name))) {
    const { mtimeMs } = await lstat(path).catch(() => ({ mtimeMs: Infinity }));
    if (Date.now() - mtimeMs > leftMs) await rm(path, { force: true }).catch(() => {});
  }
}

async function write(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text, 'utf8');
    // Without it the rename may be on the disk before the content is.
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Small letters, digits, `-` and `_` as they are, all else as `%41`; a name that gets too long, and none, as its hash behind a `~`. Two services never share a file. */
function fileName(service: string): string {
  // Case is written out too: some file systems do not see it.
  const name = [...Buffer.from(service, 'utf8')].map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`)).join('');
  if (name.length <= longestName && name !== '') return `${name}${ending}`;
  return `~${name.slice(0, longestName - 66)}-${createHash('sha256').update(service, 'utf8').digest('hex')}${ending}`;
}

function isPlain(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x5f;
}
