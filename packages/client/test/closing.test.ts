import { bytesCodec, type Discovery } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { createClient } from '../src/client.ts';
import { methodsOf } from '../src/method-refs.ts';
import { failure, recordingLogger, rig } from './fake-server.ts';

const message = { service: 'C', method: 'B', metadata: {}, payload: new Uint8Array(0), codecId: bytesCodec.id, compressorId: 0, oneway: false, error: false };

describe('a client that was closed', () => {
  it('watches no discovery any more, whatever is called on it', async () => {
    let watches = 0;
    const discovery: Discovery = { async *watch() { watches += 1; yield []; } };
    const client = createClient({ discovery, transports: [], logger: recordingLogger() });
    await client.close();
    const closed = { code: 'failed_precondition', reason: 'CLOSED', sent: false };
    expect(await failure(client.call('A', 'B', 1))).toMatchObject(closed);
    expect(await failure(client.inform(methodsOf('A')['B']!, 1))).toMatchObject(closed);
    expect(await failure(client.raw(message))).toMatchObject(closed);
    expect(await failure(client.service<{ B(): Promise<number> }>('D').B())).toMatchObject(closed);
    expect([watches, client.nodes()]).toEqual([0, []]);
  });

  it('has no nodes, also when its servers are in a list', async () => {
    await using one = await rig();
    await one.client.close();
    await failure(one.client.call('A', 'B', 1));
    expect(one.client.nodes()).toEqual([]);
  });

  it.each([Number.NaN, -1])('does not take %d for a time to wait, and is not closed then', async (graceMs) => {
    await using one = await rig();
    one.server.onCall = (call) => one.server.reply(call);
    await expect(one.client.close({ graceMs })).rejects.toThrow(`graceMs is ${graceMs}: it takes milliseconds that are not negative`);
    expect(await one.client.call('A', 'B', 1)).toBe('ok');
  });
});

describe('a name that is no text', () => {
  it.each([[undefined, 'B', 'undefined'], ['A', undefined, 'undefined'], ['A', 7, '7']])('%s.%s is a TypeError that says what to pass', async (service, method, text) => {
    await using one = await rig();
    await expect(one.client.call(service as string, method as string, 1)).rejects.toThrow(new TypeError(`the name of a service or method is ${text}: it takes a text, as in call('Arith', 'Mul', input)`));
  });
});
