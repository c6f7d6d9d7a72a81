import { execFile, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fileStore } from './file-store.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});
async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'rpcxjs-'));
  folders.push(made);
  return made;
}
const run = promisify(execFile);
const saver = fileURLToPath(new URL('../test/saver.ts', import.meta.url));
const unix = process.platform !== 'win32';

describe('fileStore', () => {
  it('gives back what was saved, and nothing where nothing was', async () => {
    const store = fileStore({ directory: join(await folder(), 'made', 'by it') });
    expect(await store.load('Arith')).toBeUndefined();
    await store.save('Arith', 'one\u0000ß😀');
    await store.save('Arith', 'two ß😀\n');
    await store.save('Other', 'x'.repeat(1 << 20));
    expect(await store.load('Arith')).toBe('two ß😀\n');
    expect(await store.load('Other')).toHaveLength(1 << 20);
  });

  it.runIf(unix)('keeps file and directory to their owner, whatever the file was before', async () => {
    const directory = join(await folder(), 'snapshots');
    const store = fileStore({ directory });
    await store.save('Arith', 'one');
    const [name = ''] = await readdir(directory);
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    // Somebody put a link there: what it leads to stays as it is.
    const target = join(await folder(), 'precious');
    await writeFile(target, 'precious');
    await rm(join(directory, name));
    await symlink(target, join(directory, name));
    await store.save('Arith', 'two');
    expect(await readFile(target, 'utf8')).toBe('precious');
    expect(await store.load('Arith')).toBe('two');
  });

  it('G10: has a file inside of the directory for each service, whatever it is called', async () => {
    const directory = await folder();
    const store = fileStore({ directory });
    const services = ['', '.', '..', '../x', '/etc/passwd', 'a/b', 'a\\b', 'nul\u0000', 'Arith', 'arith', 'aRITH', '%41rith', '%2e', 'ß', 'con', 'x'.repeat(300), `${'x'.repeat(299)}y`, '😀'.repeat(300), ' ', '~',
      `${'x'.repeat(54)}-${createHash('sha256').update('x'.repeat(300)).digest('hex')}`];
    for (const service of services) await store.save(service, `of ${service}`);
    for (const service of services) expect(await store.load(service)).toBe(`of ${service}`);
    const names = await readdir(directory);
    expect(names).toHaveLength(services.length);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(services.length);
    expect(names.filter((name) => name.length > 200 || basename(name) !== name || !/^[a-z0-9%~_-]*\.instances$/.test(name))).toEqual([]);
  });

  it('G12: two processes that save at the same time never leave a broken file, nor anything else', async () => {
    const directory = await folder();
    const store = fileStore({ directory });
    await store.save('Arith', 'a'.repeat(200_000));
    const writers = ['a', 'b', 'c'].map((letter) => run(process.execPath, ['--import', 'tsx', saver, directory, letter]));
    let over = false;
    const all = Promise.all(writers).then(() => (over = true));
    let reads = 0;
    while (!over) {
      const text = (await store.load('Arith')) ?? '';
      expect(text.length).toBe(200_000);
      expect(new Set(text).size).toBe(1);
      reads += 1;
    }
    await all;
    expect(reads).toBeGreaterThan(10);
    expect(await readdir(directory)).toEqual(['%41rith.instances']);
  }, 60_000);

  it.runIf(unix)('G12: a full disk leaves the old file, and no piece of the new one', async () => {
    const directory = await folder();
    const store = fileStore({ directory });
    await store.save('Arith', 'the old one');
    // No file may become longer than 64 KiB there, as if the disk were full then.
    const failed = await run('bash', ['-c', 'ulimit -f 64 && exec "$0" --import tsx "$@"', process.execPath, saver, directory, 'a']).then(() => undefined, (error: { stderr: string }) => error.stderr);
    expect(failed).toMatch(/EFBIG/);
    expect(await store.load('Arith')).toBe('the old one');
    expect(await readdir(directory)).toEqual(['%41rith.instances']);
  }, 30_000);

  it.runIf(unix)('G12: a directory that cannot be written, a file in its place and a device reject with what the system says', async () => {
    const file = join(await folder(), 'file');
    await writeFile(file, '');
    for (const directory of ['/proc/rpcxjs', file, '/dev/full', '/dev/full/below', join(file, 'below')]) {
      await expect(fileStore({ directory }).save('Arith', 'x'), directory).rejects.toThrow(/E(NOENT|ACCES|ROFS|PERM|EXIST|NOTDIR)/);
    }
  });

  it('G12: loads what is left of a truncated file, for the reader to judge', async () => {
    const directory = await folder();
    const store = fileStore({ directory });
    await store.save('Arith', 'one two three');
    await truncate(join(directory, '%41rith.instances'), 7);
    expect(await store.load('Arith')).toBe('one two');
  });

  it('means the directory that it was when the store was made', async () => {
    const [here, directory] = [process.cwd(), await folder()];
    process.chdir(directory);
    try {
      const store = fileStore({ directory: 'relative' });
      process.chdir(here);
      await store.save('Arith', 'one');
    } finally {
      process.chdir(here);
    }
    expect(await readdir(directory)).toEqual(['relative']);
  });

  it.runIf(unix)('takes away what a process that was killed in the middle of a save left, and nothing of one that saves now', async () => {
    const directory = await folder();
    let left: string | undefined;
    while (left === undefined) {
      const child = spawn(process.execPath, ['--import', 'tsx', saver, directory, 'a'], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      await vi.waitFor(async () => { expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).not.toEqual([]); }, { timeout: 10_000, interval: 1 });
      child.kill('SIGKILL');
      await ended;
      left = (await readdir(directory)).find((name) => name.endsWith('.tmp'));
    }
    const others = [`.${randomUUID()}.tmp`, '.mine.tmp', `${randomUUID()}.tmp`];
    for (const name of others) await writeFile(join(directory, name), 'a');
    const past = new Date(Date.now() - 3_600_000);
    for (const name of [left, ...others.slice(1)]) await utimes(join(directory, name), past, past);
    await fileStore({ directory }).save('Arith', 'b');
    expect((await readdir(directory)).toSorted()).toEqual(['%41rith.instances', ...others].toSorted());
  }, 60_000);

  it('needs a directory', () => {
    for (const options of [undefined, {}, { directory: '' }, { directory: 7 }]) expect(() => fileStore(options as never)).toThrow(/fileStore needs a directory/);
  });
});
