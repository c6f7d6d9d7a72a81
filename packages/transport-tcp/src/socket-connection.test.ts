import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { systemClock } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { closeAfterEach, dial, Heard, later, pair, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { SocketConnection } from './socket-connection.ts';
import { tcp } from './tcp.ts';

closeAfterEach();

/** A plain server whose sockets are the test's. */
async function plainServer(take: (socket: Socket) => void): Promise<{ network: string; host: string }> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    take(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  later(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { network: 'tcp', host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('what was written', () => {
  it('may be overwritten as soon as bufferedBytes is 0, which it is after a write that the system took', async () => {
    const { client, serverHeard } = await pair(tcp());
    const buffer = Buffer.alloc(600);
    let at0 = 0;
    for (let round = 0; round < 500; round++) {
      buffer.fill(97 + (round % 26));
      client.write(buffer);
      if (client.bufferedBytes === 0) {
        at0++;
        buffer.fill(0x21);
      } else await until(() => client.bufferedBytes === 0);
    }
    expect(at0).toBeGreaterThan(490);
    await until(() => serverHeard.bytes.length === 300_000);
    for (let round = 0; round < 500; round++) expect(serverHeard.bytes.subarray(round * 600, round * 600 + 600).every((byte) => byte === 97 + (round % 26))).toBe(true);
  });

  it('counts until the system has its last byte, and write() says wait only above 64 KiB', async () => {
    const { client, server, clientHeard, serverHeard } = await pair(tcp());
    server.pause();
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    while (client.bufferedBytes === 0) {
      const more = client.write(chunk);
      written += chunk.length;
      expect(more).toBe(client.bufferedBytes < 64 * 1024);
    }
    while (client.write(chunk)) written += chunk.length;
    written += chunk.length;
    const waiting = client.bufferedBytes;
    expect(waiting).toBeGreaterThanOrEqual(64 * 1024);
    expect(clientHeard.drains).toBe(0);
    server.resume();
    await until(() => clientHeard.drains === 1);
    expect(client.bufferedBytes).toBe(0);
    await until(() => serverHeard.bytes.length === written);
  });

  it('is no reason to wait below 64 KiB, and then there is no drain, although Node 20 has a mark of 16 KiB', async () => {
    const { client, server, clientHeard, serverHeard } = await pair(tcp());
    server.pause();
    const chunk = Buffer.alloc(20 * 1024);
    let written = 0;
    for (; client.bufferedBytes === 0; written += chunk.length) expect(client.write(chunk)).toBe(true);
    server.resume();
    await until(() => serverHeard.bytes.length === written && client.bufferedBytes === 0);
    expect(clientHeard.drains).toBe(0);
  });
});

describe('the end', () => {
  it('does not wait longer than closeTimeoutMs for a peer that does not end', async () => {
    const clock = manualClock();
    const address = await plainServer((socket) => socket.resume());
    const connection = await dial(tcp({ closeTimeoutMs: 700 }), address, clock);
    const heard = new Heard();
    connection.start(heard);
    const closing = connection.close();
    await clock.advanceAsync(699);
    expect(heard.closes).toEqual([]);
    clock.advance(1);
    await closing;
    expect(heard.closes).toMatchObject([{ reason: 'CONNECTION_LOST' }]);
    expect(heard.closes[0]?.message).toContain('it did not end within 700 ms after this side did');
    expect(clock.pending).toBe(0);
  });

  it('does not wait longer than that for a peer that ended and does not read what is queued', async () => {
    const clock = manualClock();
    let peer: Socket | undefined;
    const address = await plainServer((socket) => (peer = socket.pause()));
    const connection = await dial(tcp(), address, clock);
    const heard = new Heard();
    connection.start(heard);
    while (connection.write(Buffer.alloc(1024 * 1024)));
    await until(() => peer !== undefined);
    peer?.end();
    await until(() => heard.closes.length > 0);
    expect(heard.closes).toEqual([undefined]);
    expect(clock.pending).toBe(1);
    clock.advance(5000);
    await connection.close();
    expect(clock.pending).toBe(0);
    expect(heard.closes.length).toBe(1);
  });

  it('flushes what is queued to a peer that ended its own half', async () => {
    const texts: string[] = [];
    const address = await plainServer((socket) => {
      let text = '';
      socket.on('data', (bytes) => (text += bytes.toString()));
      socket.on('end', () => texts.push(text));
      socket.end('that was all');
    });
    const connection = await dial(tcp(), address);
    connection.write(Buffer.alloc(3_000_000, 'x'));
    const heard = new Heard();
    connection.start(heard);
    await until(() => texts.length === 1);
    expect([heard.text, heard.closes, texts[0]?.length]).toEqual(['that was all', [undefined], 3_000_000]);
  });

  it('drops what arrives after close()', async () => {
    const { client, server, clientHeard } = await pair(tcp());
    const closing = client.close();
    server.write(Buffer.alloc(200_000));
    await closing;
    expect(clientHeard.bytes.length).toBe(0);
    expect(clientHeard.closes).toEqual([undefined]);
  });

  it('tells a sink that starts after the end how it ended', async () => {
    const { client } = await pair(tcp());
    expect(() => client.start(new Heard())).toThrow('start() was called twice');
    const address = await plainServer(() => {});
    const connection = await dial(tcp(), address);
    const reason = new Error('never mind');
    connection.abort(reason);
    const heard = new Heard();
    connection.start(heard);
    expect(heard.closes).toEqual([reason]);
  });
});

describe('bytes and an end that came while nobody took them, as TLS can bring them', () => {
  const taken = async (): Promise<{ connection: SocketConnection; socket: Socket }> => {
    let socket: Socket | undefined;
    const address = await plainServer((accepted) => (socket = accepted.pause()));
    await dial(tcp(), address);
    await until(() => socket !== undefined);
    const seen = socket as unknown as Socket; // just waited for
    return { connection: new SocketConnection(seen, { local: undefined, remote: undefined, clock: systemClock, closeTimeoutMs: 100, resets: true }), socket: seen };
  };
  const kept = async (): Promise<{ connection: SocketConnection; socket: Socket }> => {
    const { connection, socket } = await taken();
    connection.receive(Buffer.from('early '));
    connection.receive(Buffer.from('bytes'));
    socket.emit('end');
    return { connection, socket };
  };

  it('are told in order once somebody does, although the socket has gone', async () => {
    const { connection, socket } = await kept();
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.destroy();
    await gone;
    const heard = new Heard();
    heard.onData = () => {
      if (heard.text === 'early ') connection.pause();
    };
    connection.start(heard);
    expect([heard.text, heard.closes]).toEqual(['early ', []]);
    connection.resume();
    expect([heard.text, heard.closes]).toEqual(['early bytes', [undefined]]);
    await connection.close();
  });

  it('are dropped when the connection is lost, or when the reader waits for room to write, for neither would ever go on', async () => {
    for (const how of ['a loss', 'no more room'] as const) {
      const { connection, socket } = await taken();
      const heard = new Heard();
      connection.start(heard);
      connection.pause();
      connection.receive(Buffer.from('request'));
      if (how === 'no more room') {
        while (connection.write(Buffer.alloc(1024 * 1024)));
        socket.emit('end');
      }
      socket.destroy(how === 'a loss' ? new Error('reset') : undefined);
      await until(() => heard.closes.length > 0);
      expect([heard.text, heard.closes]).toMatchObject(['', [{ reason: 'CONNECTION_LOST' }]]);
    }
  });

  it('are dropped by close() and by abort(), which still say how it ended', async () => {
    const closed = await kept();
    await closed.connection.close();
    const heard = new Heard();
    closed.connection.start(heard);
    expect([heard.text, heard.closes]).toEqual(['', [undefined]]);
    const aborted = await kept();
    aborted.connection.abort(new Error('no time'));
    aborted.connection.start(heard);
    expect([heard.text, heard.closes[1]?.message]).toEqual(['', 'no time']);
  });
});

describe('an abort', () => {
  it('reaches the sink before it returns, and the peer as a reset', async () => {
    const { client, clientHeard, serverHeard } = await pair(tcp());
    const reason = new Error('silent for too long');
    client.abort(reason);
    expect(clientHeard.closes).toEqual([reason]);
    await until(() => serverHeard.closes.length > 0);
    expect(serverHeard.closes[0]).toMatchObject({ reason: 'CONNECTION_LOST', cause: { code: 'ECONNRESET' } });
  });

  it('after close() leaves no descriptor, and settles the close', async () => {
    const address = await plainServer((socket) => socket.resume());
    const connection = await dial(tcp(), address);
    connection.start(new Heard());
    const closing = connection.close();
    connection.abort(new Error('no time'));
    await closing;
  });

  it('in the middle of a read is the last that is heard', async () => {
    const { client, server, serverHeard } = await pair(tcp());
    serverHeard.onData = () => server.abort();
    client.write(Buffer.alloc(1_000_000));
    await until(() => serverHeard.closes.length > 0);
    const { length } = serverHeard.bytes;
    await new Promise((resolve) => { setImmediate(resolve); });
    expect(serverHeard.bytes.length).toBe(length);
    expect(serverHeard.closes[0]).toMatchObject({ reason: 'CLOSED' });
  });
});
