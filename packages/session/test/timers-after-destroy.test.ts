import { seededRandom } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { frame, heartbeatFlag, responseFlag } from './frame.ts';
import { openSession } from './open-session.ts';

it('E9: no timer touches a session that was destroyed, at any of 10^5 points of the heartbeat cycle', { timeout: 60_000 }, async () => {
  const random = seededRandom(42);
  let exceptions = 0;
  let late = 0;
  const offer = frame({ flags: heartbeatFlag, metadata: { _rpcxjs: '1;n=0123456789abcdef;cancel.1' } });
  const echo = frame({ flags: heartbeatFlag | responseFlag });
  for (let round = 0; round < 100_000; round++) {
    if (round % 100 === 0) await new Promise((resolve) => { setImmediate(resolve); });
    const role = round % 2 === 0 ? 'client' : 'server';
    const { clock, connection, session, told } = openSession(role);
    try {
      if (random() < 0.7) connection.deliver(role === 'client' ? echo : random() < 0.5 ? offer : frame({ flags: heartbeatFlag }));
      if (random() < 0.5) {
        told.pending = 1;
        session.callSent(clock.now());
      }
      if (random() < 0.2) connection.deliver(frame({ payload: 'partial' }).subarray(0, 20));
      if (random() < 0.2) connection.sink?.drain();
      clock.advance(random() * 40_000);
      const how = random();
      if (how < 0.4) connection.sink?.closed(undefined);
      else if (how < 0.7) connection.sink?.closed(new Error('reset'));
      else session.fail(new Error('destroyed') as never);
      const written = connection.written.length;
      const { pending } = clock;
      clock.advance(100_000);
      session.callSent(clock.now());
      connection.sink?.drain();
      connection.deliver(echo);
      clock.advance(100_000);
      if (pending > 0 || clock.pending > 0 || connection.written.length !== written || told.closed.length !== 1) late += 1;
    } catch {
      exceptions += 1;
    }
  }
  expect(exceptions).toBe(0);
  expect(late).toBe(0);
});
