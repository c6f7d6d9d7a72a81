import { describe } from 'vitest';
import { buildGoPrograms } from '../src/go-programs.ts';

const built = await buildGoPrograms();
if (built.missing !== undefined && process.env['CI'] !== undefined) throw new Error(`the Go peers must be there when CI is set: ${built.missing}`);

/** A group of tests that needs the Go peers: skipped with the reason in its name on a machine without Go. */
export function describeWithGo(name: string, tests: () => void): void {
  if (built.missing === undefined) describe(name, tests);
  else describe.skip(`${name} (skipped: ${built.missing.split('\n')[0]})`, tests);
}
