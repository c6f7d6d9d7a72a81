import { expect, it } from 'vitest';
import { frame } from './frame.ts';
import { openServer } from './open-server.ts';

it('a peer whose calls are slow to run does not keep another one waiting until all of them are done', async () => {
  let slow = 0;
  await using open = await openServer({}, (server) =>
    server
      .registerFunction('S', 'Slow', () => {
        const until = performance.now() + 1;
        while (performance.now() < until);
        slow += 1;
      })
      .registerFunction('S', 'SlowSoFar', () => slow),
  );
  const [greedy, modest] = [await open.peer(), await open.peer()];
  greedy.send(...Array.from({ length: 400 }, (_, index) => frame({ service: 'S', method: 'Slow', sequence: BigInt(index), payload: '1' })));
  modest.send(frame({ service: 'S', method: 'SlowSoFar', sequence: 1n, payload: '1' }));
  expect(Number((await modest.reply(1n)).payload.toString())).toBeLessThanOrEqual(16);
  await greedy.until(() => (slow >= 100 ? true : undefined), 'a hundred slow calls');
  modest.send(frame({ service: 'S', method: 'SlowSoFar', sequence: 2n, payload: '1' }));
  const before = slow;
  expect(Number((await modest.reply(2n)).payload.toString()) - before, 'a turn of 8 ms, and some').toBeLessThanOrEqual(24);
  await greedy.reply(399n);
  expect(slow).toBe(400);
});
