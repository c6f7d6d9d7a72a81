import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Discovery, type Logger } from '@rpcxjs/core';
import { cached, instanceList } from '@rpcxjs/core/discoveries';
import { afterEach, expect, it, vi } from 'vitest';
import { fileStore } from '../src/index.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});
async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'rpcxjs-'));
  folders.push(made);
  return made;
}

/** A reader that notes names and warnings. */
function reader(discovery: Discovery) {
  const lists: string[] = [];
  const warnings: string[] = [];
  const logger: Logger = { debug() {}, info() {}, error() {}, warn: (_fields, message) => void warnings.push(message), child: () => logger };
  const controller = new AbortController();
  const done = (async () => {
    for await (const list of discovery.watch('Arith', { signal: controller.signal, runtime: { clock: systemClock, logger } })) lists.push(list.map(({ address }) => address.slice(4)).join(' '));
  })();
  done.catch(() => {}); // whoever closes it hears of it
  const until = (text: string): Promise<void> => vi.waitFor(() => { expect(lists.at(-1)).toBe(text); });
  return { lists, warnings, until, close: async () => { controller.abort(); await done; } };
}
const down: Discovery = { watch: () => { throw new Error('the registry is down'); } };

it('G2: what one run saved, the next one begins with while the registry is down', async () => {
  const directory = await folder();
  const first = reader(cached(instanceList(['a:1', 'b:2']), fileStore({ directory })));
  await first.until('a:1 b:2');
  await vi.waitFor(async () => { expect(await readdir(directory)).toEqual(['%41rith.instances']); });
  await first.close();
  const second = reader(cached(down, fileStore({ directory })));
  await second.until('a:1 b:2');
  await second.close();
});

it('G12: a truncated file is ignored with one warning, and written anew', async () => {
  const directory = await folder();
  const before = reader(cached(instanceList(['a:1']), fileStore({ directory })));
  await vi.waitFor(async () => { expect(await readdir(directory)).toEqual(['%41rith.instances']); });
  await before.close();
  await truncate(join(directory, '%41rith.instances'), 60);
  const list = instanceList(['b:2']);
  let registry = down;
  const one = reader(cached({ watch: (...given) => registry.watch(...given) }, fileStore({ directory })));
  await vi.waitFor(() => { expect(one.warnings.filter((message) => message.includes('snapshot'))).toHaveLength(1); });
  await expect(one.close()).rejects.toThrow('the registry is down');
  registry = list;
  const healed = reader(cached(list, fileStore({ directory })));
  await healed.until('b:2');
  await vi.waitFor(async () => { expect(await fileStore({ directory }).load('Arith')).toContain('tcp@b:2'); });
  await healed.close();
});

it.runIf(process.platform !== 'win32')('G12: where nothing can be written every list still arrives, with one warning', async () => {
  const list = instanceList(['a:0']);
  const one = reader(cached(list, fileStore({ directory: '/dev/full' })));
  await one.until('a:0');
  for (let count = 1; count < 20; count++) {
    list.update([`a:${count}`]);
    await one.until(`a:${count}`);
  }
  await vi.waitFor(() => { expect(one.warnings).toEqual([expect.stringMatching(/could not be saved; calls go on/)]); });
  await one.close();
});
