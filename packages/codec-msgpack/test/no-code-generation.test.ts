import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('./no-code-generation.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');

function run(flags: readonly string[]): unknown {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '--import', tsx, script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('where code generation is not allowed', () => {
  it('learns and compiles wire types all the same, with the same results', { timeout: 60_000 }, () => {
    const without = run(['--disallow-code-generation-from-strings']);
    expect(without).toMatchObject({ generates: false, differences: [] });
    const allowed = run([]);
    expect(allowed).toMatchObject({ generates: true, differences: [] });
    expect((without as { readonly compared: number }).compared).toBe((allowed as { readonly compared: number }).compared);
  });
});
