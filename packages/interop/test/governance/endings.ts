import { fileURLToPath } from 'node:url';
import { LineProcess } from '../../src/index.ts';
import type { Endings } from './endings-program.ts';

const program = fileURLToPath(new URL('./endings-program.ts', import.meta.url));

/** Ends so many calls in one way, in a process of its own, and tells what was left. */
export function endCalls(kind: 'timeout' | 'cancel' | 'connect' | 'signal', calls: number): Promise<Endings> {
  return new Promise((resolve, reject) => {
    let endings: Endings | undefined;
    const child = new LineProcess(process.execPath, ['--expose-gc', '--import', 'tsx', program, JSON.stringify([kind, calls])], {
      line(value) { endings = value as Endings; }, // of the program beside this file
      end: (error) => { if (endings === undefined) reject(error); },
    });
    void child.ended.then(() => { if (endings !== undefined) resolve(endings); });
  });
}

/** What ends calls, and the code that their errors have. */
export const badEndings: readonly (readonly ['timeout' | 'cancel' | 'connect', string])[] = [['timeout', 'deadline_exceeded'], ['cancel', 'canceled'], ['connect', 'unavailable']];

export const nothingLeft = { active: 0, queued: 0, running: 0, timers: 0, listeners: 0 } as const;
