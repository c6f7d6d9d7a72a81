import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('works in a process that forbids code generation, and generates code only where it is allowed', () => {
  const script = fileURLToPath(new URL('no-code-generation.ts', import.meta.url));
  const run = (...flags: string[]): unknown => JSON.parse(execFileSync(process.execPath, [...flags, '--import', 'tsx', script], { encoding: 'utf8' }));
  expect(run('--disallow-code-generation-from-strings')).toStrictEqual({ canGenerate: false, bytes: 581, same: true, text: '许多往事在眼前', long: true });
  expect(run()).toStrictEqual({ canGenerate: true, bytes: 581, same: true, text: '许多往事在眼前', long: true });
});
