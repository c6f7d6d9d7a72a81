import { flag } from '@rpcxjs/protocol';
import { drainStage, drainWord } from '@rpcxjs/session';
import { describe, expect, it } from 'vitest';
import { failure, rig, settled, until } from './fake-server.ts';

const flagged = { '_rpcxjs-drain': '1' };

describe('a server that goes', () => {
  it('may say so on a reply alone, which the caller does not see', async () => {
    for (const failed of [true, false]) {
      await using one = await rig({ failMode: { name: 'once', next: () => 'give-up' } });
      one.server.greets = 'agree';
      one.server.words = 'errors.1,drain.1';
      await one.client.ping(one.server.address);
      const seen: unknown[] = [];
      const call = one.client.call('S', 'M', 1, { onReply: ({ metadata }) => void seen.push({ ...metadata }) }).catch((error: unknown) => error);
      const request = await one.server.call(0);
      if (failed) one.server.fail(request, 'no', flagged);
      else one.server.reply(request, { metadata: { ...flagged, own: 'x' } });
      const outcome = await call;
      if (failed) expect((outcome as { metadata: unknown }).metadata).toEqual({});
      else expect([outcome, seen]).toEqual(['ok', [{ own: 'x' }]]);
      await until(() => one.client.stats().connections === 0);
    }
  });

  it('is not believed when it never agreed on the word: then it is metadata like any other of a stranger', async () => {
    await using one = await rig();
    one.server.greets = 'agree';
    one.server.words = 'errors.1';
    await one.client.ping(one.server.address);
    const call = failure(one.client.call('S', 'M', 1));
    one.server.fail(await one.server.call(0), 'no', flagged);
    await call;
    one.server.send({ service: '_rpcxjs', method: drainWord, flags: flag.oneway, sequence: BigInt(drainStage.last) });
    await settled();
    expect(one.client.stats().connections).toBe(1);
    const next = one.client.call('S', 'M', 2);
    one.server.reply(await one.server.call(1));
    expect(await next).toBe('ok');
  });

  it('gets an answer to its last word, behind all that was sent, and nothing after it', async () => {
    await using one = await rig();
    one.server.greets = 'agree';
    one.server.words = 'errors.1,drain.1';
    await one.client.ping(one.server.address);
    const held = one.client.call('S', 'Held', 1);
    const request = await one.server.call(0);
    const first = one.server.connection;
    const word = { service: '_rpcxjs', method: drainWord, flags: flag.oneway, sequence: BigInt(drainStage.last) };
    one.server.send(word, word);
    await until(() => one.server.received.length === 2);
    expect(one.server.received[1]).toMatchObject({ service: '_rpcxjs', method: drainWord, sequence: 1n });
    const late = one.client.call('S', 'Late', 1);
    await until(() => one.server.received.length === 3);
    expect(one.server.connection, 'on a connection of its own').not.toBe(first);
    one.server.reply(one.server.received[2] as typeof request);
    expect(await late).toBe('ok');
    one.server.connections[0]?.abort();
    expect(await failure(held)).toMatchObject({ code: 'unavailable', sent: true });
  });
});
