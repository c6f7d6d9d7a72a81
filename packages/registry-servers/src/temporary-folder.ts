import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whoever has the same number elsewhere, in a container that shares the folder, is left alone for that long. */
const untouchedMs = 3_600_000;

/**
 * A new folder of this process among those of the system, `<name>-<process>-<random>`. Whoever made it removes it; what was left behind by processes that were killed
 * is removed by the next one that asks for the same name.
 */
export function temporaryFolder(name: string): string {
  for (const entry of readdirSync(tmpdir())) {
    const owner = entry.startsWith(`${name}-`) ? /^(\d+)-[^-]+$/.exec(entry.slice(name.length + 1))?.[1] : undefined;
    if (owner !== undefined && isLeft(join(tmpdir(), entry), Number(owner))) rmSync(join(tmpdir(), entry), { recursive: true, force: true });
  }
  return mkdtempSync(join(tmpdir(), `${name}-${process.pid}-`));
}

function isLeft(folder: string, owner: number): boolean {
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // what Node throws here
    const touched = statSync(folder, { throwIfNoEntry: false })?.mtimeMs;
    return code === 'ESRCH' && touched !== undefined && Date.now() - touched > untouchedMs;
  }
}
