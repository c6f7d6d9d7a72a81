import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findConsul, findEtcd, findRedis, findZooKeeper } from '@rpcxjs/registry-servers';
import { describe, expect, it } from 'vitest';
import { registryOf } from '../../examples/01-hello/registry-of.ts';
import { root } from './workspace.mjs';

// In expected.txt `<n>` stands for a number, `<any>` for any text of a line, and a line that begins with `[go] ` is printed only
// where Go is installed, one that begins with `[no go] ` only where it is not; the same for the registries. Of several marks each must hold.
const installed: Readonly<Record<string, boolean>> = {
  go: process.env['GO'] !== 'off' && spawnSync('go', ['version']).status === 0,
  etcd: findEtcd() !== undefined, zookeeper: findZooKeeper() !== undefined, consul: findConsul() !== undefined, redis: findRedis() !== undefined,
};
const folders = readdirSync(join(root, 'examples')).filter((name) => existsSync(join(root, 'examples', name, 'package.json')));

/** A line of expected.txt without its marks; none when one of them does not hold here. */
function unmarked(line: string): string[] {
  const [mark = '', no, name = ''] = /^\[(no )?(go|etcd|zookeeper|consul|redis)\] /.exec(line) ?? [];
  if (mark === '') return [line];
  return installed[name] === (no === undefined) ? unmarked(line.slice(mark.length)) : [];
}

function pattern(line: string): RegExp {
  const escaped = line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('<n>', '-?[\\d][\\d.,_ ]*').replaceAll('<any>', '.*');
  return new RegExp(`^${escaped}$`);
}

function run(folder: string): Promise<{ code: number | null; output: string; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'main.ts'], { cwd: join(root, 'examples', folder), env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' } });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); });
    child.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString(); });
    child.on('error', reject);
    child.on('close', (code) => { resolve({ code, output, errors }); });
  });
}

describe('examples', () => {
  it.each(folders)('%s prints what its expected.txt says', { timeout: 120_000 }, async (folder) => {
    const { code, output, errors } = await run(folder);
    expect(code, errors).toBe(0);
    const expected = readFileSync(join(root, 'examples', folder, 'expected.txt'), 'utf8').trimEnd().split('\n');
    const wanted = expected.flatMap(unmarked);
    const printed = output.trimEnd().split('\n');
    const different = wanted.findIndex((line, index) => !pattern(line).test(printed[index] ?? ''));
    expect(different === -1 ? '' : `line ${different + 1} is "${printed[different]}", not "${wanted[different]}"`, output).toBe('');
    expect(printed).toHaveLength(wanted.length);
  });

  it('`--registry` takes each address that it is given, or says that there is one too many', async () => {
    await expect(registryOf('consul://10.0.0.1:8500,10.0.0.2:8500', 'tour')).rejects.toThrow('one agent only');
    await expect(registryOf('mdns://127.0.0.1,orders.internal', 'tour')).rejects.toThrow('"orders.internal"');
    for (const address of ['consul://10.0.0.1:8500', 'consul://', 'mdns://127.0.0.1,127.0.0.2', 'mdns://']) await (await registryOf(address, 'tour')).close();
  });

  it('the store on the page "Write your own registry" is the one in custom-registry', () => {
    const file = readFileSync(join(root, 'examples/custom-registry/src/directory-store.ts'), 'utf8');
    const page = readFileSync(join(root, 'docs/write-your-own-registry.md'), 'utf8');
    const store = file.slice(file.indexOf('type Row = ')).replace('export function', 'function');
    expect(page.slice(page.indexOf('type Row = '), page.indexOf('const directoryRegistry'))).toBe(store);
  });
});
