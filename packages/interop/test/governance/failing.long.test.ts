import { afterEach, it } from 'vitest';
import { killEveryProcess } from '../../src/index.ts';
import { expectBoundedAttempts } from './failing-fleet.ts';

afterEach(killEveryProcess);

it('D6: where all servers fail for 30 s, attempts stay below 1.25 of the calls', async () => {
  await expectBoundedAttempts(30);
});
