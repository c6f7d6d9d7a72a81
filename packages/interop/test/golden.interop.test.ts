import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { buildGoPrograms } from '../src/index.ts';
import { describeWithGo } from './with-go.ts';

const packages = fileURLToPath(new URL('../..', import.meta.url));
const fixtures = ['protocol/test/fixtures/golden-frames.json', 'codec-msgpack/test/fixtures/golden-msgpack.json', 'codec-msgpack/test/fixtures/golden-msgpack-decode.json', 'codec-protobuf/test/fixtures/golden-protobuf.json'];

describeWithGo('the golden data', () => {
  it('A1: is what Go writes today', async () => {
    const built = await buildGoPrograms();
    const folder = mkdtempSync(join(tmpdir(), 'rpcxjs-golden-'));
    const { status, stderr } = spawnSync('golden' in built ? built.golden : '', ['-packages', folder], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    for (const fixture of fixtures) expect(readFileSync(join(folder, fixture), 'utf8') === readFileSync(join(packages, fixture), 'utf8'), fixture).toBe(true);
    rmSync(folder, { recursive: true });
  });
});
