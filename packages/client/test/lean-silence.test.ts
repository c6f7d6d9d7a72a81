import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { createClient } from '../src/lean.ts';
import { failure, FakeServer, recordingLogger, settled, until } from './fake-server.ts';

async function open() {
  const held = manualClock();
  const clock = { ...held, lateMs: 0, now: () => held.now() + clock.lateMs };
  const server = await FakeServer.listen();
  server.greets = 'agree';
  const lost: string[] = [];
  const client = createClient({
    servers: server.address, transports: [server.network], clock, timeoutMs: Infinity, logger: recordingLogger(),
    onConnection: (connected, error) => { if (!connected) lost.push(error?.reason ?? ''); },
  });
  await client.ready();
  await until(() => server.heartbeats.length === 1);
  return { clock, server, client, lost };
}

describe('the lean client and a server that says nothing', () => {
  it('notices a frozen server within 6 s of a call', async () => {
    const { clock, server, client, lost } = await open();
    await settled();
    server.greets = 'nothing';
    const call = failure(client.call('A', 'B', 1));
    await until(() => server.received.length === 1);
    for (let seconds = 0; seconds < 6; seconds++) {
      clock.advance(1000);
      await settled();
    }
    expect(await call).toMatchObject({ code: 'unavailable', reason: 'PEER_SILENT' });
    expect(lost).toEqual(['PEER_SILENT']);
    expect(server.heartbeats.length).toBe(2);
    client.abort();
  });

  it('goes on with a server that answers heartbeats, however long a call takes', async () => {
    const { clock, server, client, lost } = await open();
    const call = client.call('A', 'B', 1);
    await until(() => server.received.length === 1);
    for (let seconds = 0; seconds < 120; seconds++) {
      clock.advance(1000);
      await settled();
    }
    server.reply(server.received[0]!);
    expect(await call).toBe('ok');
    expect(lost).toEqual([]);
    expect(server.heartbeats.length).toBeGreaterThan(30);
    client.abort();
  });

  it('asks an idle server every 15 s, and not more', async () => {
    const { clock, server, client } = await open();
    for (let seconds = 0; seconds < 60; seconds++) {
      clock.advance(1000);
      await settled();
    }
    expect(server.heartbeats.length).toBe(5);
    client.abort();
  });

  it('judges nothing by a timer that was held back', async () => {
    const { clock, server, client, lost } = await open();
    server.greets = 'nothing';
    const call = client.call('A', 'B', 1);
    await until(() => server.received.length === 1);
    clock.advance(2000);
    await until(() => server.heartbeats.length === 2);
    clock.lateMs = 60_000;
    clock.advance(3000);
    expect(lost).toEqual([]);
    // This came meanwhile, and is read only now.
    server.reply(server.received[0]!);
    expect(await call).toBe('ok');
    clock.advance(1000);
    expect(lost).toEqual([]);
    client.abort();
  });

  it.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'BAD_FRAME'],
    ['a frame that claims a gibibyte', Buffer.from('0800000000000000000000004000000000', 'hex'), 'FRAME_TOO_LARGE'],
    ['a frame that contradicts itself', Buffer.from('080080100000000000000000000000040000ffff', 'hex'), 'BAD_FRAME'],
  ])('ends a connection that says %s', async (_what, bytes, reason) => {
    const { server, client, lost } = await open();
    const call = failure(client.call('A', 'B', 1));
    await until(() => server.received.length === 1);
    server.connection.write(Buffer.from(bytes as string));
    expect(await call).toMatchObject({ reason });
    expect(lost).toEqual([reason]);
    client.abort();
  });
});
