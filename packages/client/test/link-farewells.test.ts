import { RpcError } from '@rpcxjs/core';
import { flag } from '@rpcxjs/protocol';
import { drainStage, drainWord } from '@rpcxjs/session';
import { describe, expect, it } from 'vitest';
import { openLink } from './calls.ts';
import { failure, FakeServer, rig, settled, until } from './fake-server.ts';
import { frame } from './frame.ts';

const done = new RpcError('canceled', 'done', { reason: 'CLOSED' });

describe('a link that is retired', () => {
  it('lets what is under way finish, gives back what waits, and closes', async () => {
    const server = await FakeServer.listen();
    const { link, send, told, ended } = openLink({ transports: [server.network], limits: { highWaterBytes: 1000 } });
    send('under way');
    const call = await server.call(0);
    server.connection.pause();
    send('big', { input: 'x'.repeat(200_000) });
    await settled();
    send('waits');
    expect(link.queued).toBe(1);
    void link.retire();
    expect(told.failed).toMatchObject([{ method: 'waits', error: { code: 'unavailable', reason: 'NO_INSTANCE', sent: false } }]);
    server.connection.resume();
    const big = await server.call(1);
    await settled();
    expect([link.sessions.length, server.network.links.length]).toEqual([1, 1]);
    server.reply(call);
    server.reply(big);
    await ended(3);
    expect(told.succeeded).toEqual(['under way "ok"', 'big "ok"']);
    await until(() => server.network.links.length === 0);
    expect(link.sessions).toEqual([]);
    link.abort(done);
  });

  it('is back with the next call, and what is still under way on the old connection finishes there', async () => {
    const server = await FakeServer.listen();
    const { link, send, told, ended } = openLink({ transports: [server.network] });
    send('old');
    const old = await server.call(0);
    const first = server.connection;
    void link.retire();
    send('new');
    server.reply(await server.call(1));
    await ended(1);
    expect([told.succeeded, server.connections.length]).toEqual([['new "ok"'], 2]);
    first.write(frame({ sequence: old.sequence, flags: flag.response, payload: '"late"' }));
    await ended(2);
    expect(told.succeeded).toEqual(['new "ok"', 'old "late"']);
    await until(() => server.network.links.length === 1);
    link.abort(done);
  });

  it('waits for what is under way on a connection that was leaving already, because its server had said goodbye', async () => {
    const server = await FakeServer.listen();
    const { link, send, told, ended } = openLink({ transports: [server.network] });
    send('a');
    const [session] = (await server.call(0), link.sessions);
    if (session !== undefined) link.draining(session);
    let over = false;
    void link.retire().then(() => (over = true));
    await settled();
    expect(over).toBe(false);
    server.reply(await server.call(0));
    await ended(1);
    expect(told.succeeded).toEqual(['a "ok"']);
    await until(() => over);
    link.abort(done);
  });

  it('gives up a connection that is being opened', async () => {
    const { link, send, told } = openLink({ transports: [{ networks: ['memory'], dial: () => new Promise(() => {}) }] });
    send('a');
    expect([link.dialling, link.queued]).toEqual([1, 1]);
    await link.retire();
    expect([link.dialling, link.queued, told.failed[0]?.error.reason]).toEqual([0, 0, 'NO_INSTANCE']);
    link.abort(done);
  });
});

describe('a connection whose server says that it goes', () => {
  it('takes no new calls and ends with its last one, while new calls use a new one', async () => {
    await using one = await rig();
    one.server.greets = 'agree';
    one.server.words = 'cancel.1,errors.1,drain.1';
    await one.client.ping(one.server.address);
    const held = one.client.call('S', 'Held', 1);
    const call = await one.server.call(0);
    const first = one.server.connection;
    one.server.send({ service: '_rpcxjs', method: drainWord, flags: flag.oneway, sequence: BigInt(drainStage.leaving) });
    await settled();
    const next = one.client.call('S', 'Next', 1);
    await until(() => one.server.connections.length === 2);
    one.server.reply(await one.server.call(1));
    expect(await next).toBe('ok');
    expect(one.client.stats().connections).toBe(2);
    first.write(frame({ sequence: call.sequence, flags: flag.response, payload: '"held"' }));
    expect(await held).toBe('held');
    await until(() => one.client.stats().connections === 1);
  });

  it('fails new calls, unsent, if the server takes no new connections', async () => {
    await using one = await rig({ failMode: { name: 'once', next: () => 'give-up' } });
    one.server.greets = 'agree';
    one.server.words = 'cancel.1,errors.1,drain.1';
    await one.client.ping(one.server.address);
    one.server.network.change({ refuse: true });
    one.server.send({ service: '_rpcxjs', method: drainWord, flags: flag.oneway, sequence: BigInt(drainStage.leaving) });
    await until(() => one.client.stats().connections === 0);
    expect(await failure(one.client.call('S', 'M', 1))).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false });
  });
});
