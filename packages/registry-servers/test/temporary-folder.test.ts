import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startRedis, temporaryFolder } from '../src/index.ts';
import { describeWithRedis } from '../src/vitest.ts';

/** In a folder of its own, so that it sees what this test made and nothing else. */
function alone(): string {
  const folder = mkdtempSync(join(tmpdir(), 'alone-'));
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  onTestFinished(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(folder, { recursive: true });
  });
  return folder;
}

it('the whole run works in a folder that goes away with it', () => {
  expect(basename(tmpdir())).toMatch(/^rpcxjs-\d+-/);
});

it('a folder names its process, and takes away what killed ones left under the same name, and nothing else', () => {
  const folder = alone();
  const { pid: gone } = spawnSync(process.execPath, ['-e', '']);
  const past = new Date(Date.now() - 2 * 3_600_000);
  const make = (name: string, touched: Date): string => {
    const path = join(folder, name);
    mkdirSync(path);
    writeFileSync(join(path, 'data'), '');
    utimesSync(path, touched, touched);
    return name;
  };
  const left = make(`town-${gone}-abcdef`, past);
  const kept = [make(`town-${gone}-fresh1`, new Date()), make(`town-${process.pid}-abcdef`, past), make(`other-${gone}-abcdef`, past), make(`town-hall-${gone}-abcdef`, past), make('town-abcdef', past)];
  const made = temporaryFolder('town');
  expect(basename(made)).toMatch(new RegExp(`^town-${process.pid}-`));
  expect(existsSync(join(folder, left))).toBe(false);
  for (const name of kept) expect(existsSync(join(folder, name)), name).toBe(true);
});

describeWithRedis('servers', () => {
  it('a server that did not start leaves no folder either', async () => {
    const folder = alone();
    await expect(startRedis({ args: ['--no-such-setting'] })).rejects.toThrow('redis did not start');
    expect(existsSync(folder) && spawnSync('ls', [folder], { encoding: 'utf8' }).stdout).toBe('');
  });
});
