// Around a run of tests: whatever they write among the temporary files of the system, a killed server and a failed test included, goes away with the run.
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from '@rpcxjs/registry-servers';

const names = ['TMPDIR', 'TEMP', 'TMP'];

export function setup(): () => void {
  const shared = tmpdir();
  const folder = temporaryFolder('rpcxjs');
  // What the programs that tests start have been compiled to is worth keeping.
  const compiled = `tsx-${process.getuid?.() ?? ''}`;
  if (process.platform !== 'win32') {
    mkdirSync(join(shared, compiled), { recursive: true });
    symlinkSync(join(shared, compiled), join(folder, compiled));
  }
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) process.env[name] = folder;
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
}
