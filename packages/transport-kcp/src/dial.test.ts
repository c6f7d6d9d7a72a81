import { createSocket, Socket } from 'node:dgram';
import { RpcError } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { closeAfterEach, dial, later, memoryLogger, pair, rejection, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import type { KcpConnection } from './kcp-connection.ts';
import { kcp } from './kcp.ts';

closeAfterEach();

const here = { network: 'kcp', host: '127.0.0.1:0' };
const aes = (byte: number): { cipher: 'aes-256'; key: Uint8Array } => ({ cipher: 'aes-256', key: new Uint8Array(32).fill(byte) });

/** Something on UDP that takes datagrams and never answers; counts them. */
async function silent(): Promise<{ readonly socket: Socket; readonly address: { network: string; host: string }; readonly heard: Buffer[] }> {
  const socket = createSocket('udp4');
  const heard: Buffer[] = [];
  socket.on('message', (datagram) => heard.push(datagram));
  await new Promise<void>((resolve) => { socket.bind(0, '127.0.0.1', resolve); });
  later(() => new Promise<void>((resolve) => { socket.close(resolve); }));
  return { socket, address: { network: 'kcp', host: `127.0.0.1:${socket.address().port}` }, heard };
}

describe('a dial', () => {
  it('of an address that the system refuses, such as one of a link that is not named, fails at once and says so', async () => {
    const began = performance.now();
    const error = await rejection(dial(kcp(), { network: 'kcp', host: '[fe80::1]:8972' }));
    expect(performance.now() - began).toBeLessThan(1000);
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED', sent: false, message: expect.not.stringContaining('no answer within') as string, cause: { syscall: 'connect' } });
  });

  it('that nobody answers says hello several times and gives up after connectTimeoutMs, with what to compare', async () => {
    const clock = manualClock();
    const { address, heard } = await silent();
    const dialling = rejection(dial(kcp(aes(1)), address, clock));
    await until(() => heard.length === 1);
    for (let round = 0; round < 29; round++) await clock.advanceAsync(100);
    await until(() => heard.length >= 4);
    await clock.advanceAsync(100);
    const error = await dialling;
    expect(error).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false, address: `kcp@${address.host}` });
    expect(error.message).toBe(`could not connect to kcp@${address.host}: no answer within 3000 ms, and KCP cannot tell why: does a KCP server listen there, does a firewall drop UDP, `
      + 'and does the server have the same cipher (here aes-256), the same key (if derived: password, salt and iterations) and the same FEC (here 10/3)?');
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['another key', aes(1), aes(2)],
    ['another cipher', aes(1), {}],
    ['a cipher where there is none', {}, aes(1)],
    ['no FEC where there is some', aes(1), { ...aes(1), fec: false }],
    ['FEC where there is none', { ...aes(1), fec: false }, aes(1)],
  ])('with %s fails within a second and says what to compare; the server says it once', async (_, serverOptions, clientOptions) => {
    const { listener, accepted, lines } = await serve(kcp(serverOptions), here);
    const begin = Date.now();
    const error = await rejection(dial(kcp(clientOptions), listener.address));
    expect(Date.now() - begin).toBeLessThan(1000);
    expect(error).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false });
    expect(error.message).toContain(`could not connect to kcp@${listener.address.host}: the server cannot read what this side sends: its cipher, key or FEC is another; compare cipher (here `);
    expect(accepted.length).toBe(0);
    expect(lines).toMatchObject([{ level: 'warn', message: expect.stringContaining('a datagram could not be read: it is no KCP, or its sender has another cipher, key or FEC') as string }]);
    await pair(kcp(serverOptions));
  });

  it('is not misled by somebody who says that it cannot be read, while the server answers', async () => {
    const { socket, address, heard } = await silent();
    const { listener } = await serve(kcp(), here);
    const port = Number(listener.address.host.split(':')[1]);
    let client: number | undefined;
    socket.on('message', (datagram, from) => {
      if (from.port === port) socket.send(datagram, client);
      else {
        client = from.port;
        socket.send('rpcxjs-kcp: unreadable', from.port);
        socket.send(datagram, port);
      }
    });
    const connection = await dial(kcp(), address);
    expect(heard.length).toBeGreaterThan(1);
    expect(connection.remote).toEqual(address);
  });

  it('to a server of another protocol over UDP fails within a second and says so', async () => {
    const { socket, address } = await silent();
    socket.on('message', (_datagram, { port, address: host }) => socket.send(Buffer.alloc(43, 0x5a), port, host));
    const began = performance.now();
    const error = await rejection(dial(kcp(aes(1)), address));
    expect(performance.now() - began).toBeLessThan(1000);
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED', message: expect.stringContaining('this side cannot read what the server answers: it speaks another protocol, such as QUIC, or its cipher or key is another; compare') as string });
  });

  it('that is aborted leaves nothing, before and after the socket is there', async () => {
    const clock = manualClock();
    const { address, heard } = await silent();
    for (const waits of [false, true]) {
      const controller = new AbortController();
      const dialling = rejection(dial(kcp(), address, clock, controller.signal));
      const before = heard.length;
      if (waits) await until(() => heard.length > before);
      const reason = new Error('changed my mind');
      controller.abort(reason);
      expect(await dialling).toBe(reason);
      expect(clock.pending).toBe(0);
    }
  });

  it('to a port where nothing listens is refused at once', async () => {
    const { socket, address } = await silent();
    const free = createSocket('udp4');
    await new Promise<void>((resolve) => { free.bind(0, '127.0.0.1', resolve); });
    const { port } = free.address();
    await new Promise<void>((resolve) => { free.close(resolve); });
    expect(socket.address().port).not.toBe(port);
    const error = await rejection(dial(kcp(), { ...address, host: `127.0.0.1:${port}` }));
    expect(error.message).toBe(`could not connect to kcp@127.0.0.1:${port}: ECONNREFUSED, nobody listens there: is the server running, and is the port right?`);
  });

  it('says what is wrong with an address', async () => {
    expect((await rejection(dial(kcp(), { network: 'kcp', host: 'nowhere' }))).message).toBe('"nowhere" is no host and port: write 127.0.0.1:8972, [::1]:8972 or :8972');
    expect(await rejection(dial(kcp(), { network: 'kcp', host: '127.0.0.1:0' }))).toBeInstanceOf(TypeError);
    const error = await rejection(dial(kcp(), { network: 'kcp', host: 'no-such-host.invalid:1' }));
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED', message: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) as string });
  });

  it('reaches a server on every interface by IPv4, by IPv6 and by name', async () => {
    const { listener, accepted } = await serve(kcp(), { network: 'kcp', host: ':0' });
    const port = listener.address.host.split(':').at(-1);
    for (const host of ['127.0.0.1', '[::1]', 'localhost', '']) await dial(kcp(), { network: 'kcp', host: `${host}:${port}` });
    await until(() => accepted.length === 4);
    expect(accepted[0]?.remote?.host).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(accepted[1]?.remote?.host).toMatch(/^\[::1\]:\d+$/);
  });

  it('to a server whose listener closed, while a conversation goes on, is refused at once', async () => {
    const { served, client, serverHeard } = await pair(kcp());
    await served.listener.close();
    const error = await rejection(dial(kcp(), served.listener.address));
    expect(error.message).toContain('the other side takes no conversation: its listener is closed');
    client.write(Buffer.from('still here'));
    await until(() => serverHeard.text === 'still here');
  });
});

describe('a listen', () => {
  it('on a port that is taken says so, and says what to do', async () => {
    const { address } = await silent();
    const error = await rejection(serve(kcp(), address));
    expect(RpcError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: 'unavailable', reason: 'LISTEN_FAILED', sent: false });
    expect(error.message).toBe(`could not listen on kcp@${address.host}: EADDRINUSE, somebody listens there already: \`lsof -iUDP:${address.host.split(':')[1]}\` says which process; stop it, or choose another address (port 0 is any free port)`);
  });

  it('says what is wrong with an address', async () => {
    expect(await rejection(serve(kcp(), { network: 'kcp', host: '192.0.2.1:0' }))).toMatchObject({ reason: 'LISTEN_FAILED', message: expect.stringContaining('EADDRNOTAVAIL, this machine has no such address') as string });
    expect(await rejection(serve(kcp(), { network: 'kcp', host: 'nowhere' }))).toBeInstanceOf(TypeError);
    expect(await rejection(serve(kcp(), { network: 'kcp', host: 'no-such-host.invalid:1' }))).toMatchObject({ reason: 'LISTEN_FAILED' });
  });

  it('that is aborted on the way rejects with the reason and frees the port', async () => {
    const controller = new AbortController();
    const listening = rejection(kcp().listen(here, { runtime: { clock: manualClock(), logger: memoryLogger([]) }, signal: controller.signal, accept() {} }));
    const reason = new Error('changed my mind');
    controller.abort(reason);
    expect(await listening).toBe(reason);
  });
});

describe('a listener that closed while a conversation goes on', () => {
  it('is followed by one of the same transport on the same port, also on every interface', async () => {
    const transport = kcp();
    const { served, client, serverHeard } = await pair(transport, transport, { network: 'kcp', host: ':0' });
    const port = served.listener.address.host.split(':').at(-1);
    await served.listener.close();
    expect((await rejection(serve(kcp(), { network: 'kcp', host: `:${port}` }))).message).toContain('EADDRINUSE');
    const again = await serve(transport, { network: 'kcp', host: `:${port}` });
    expect(again.listener.address).toEqual(served.listener.address);
    await dial(kcp(), { network: 'kcp', host: `127.0.0.1:${port}` });
    await until(() => again.accepted.length === 1);
    client.write(Buffer.from('still here'));
    await until(() => serverHeard.text === 'still here');
  });
});

it('a listen waits for a port that this transport has given up and the system does not have back yet', async () => {
  const transport = kcp();
  const { listener } = await serve(transport, here);
  const { close } = Socket.prototype;
  // As in Deno, where a socket goes on reading for a moment.
  Socket.prototype.close = function late(closed) {
    setImmediate(() => setImmediate(() => close.call(this, closed)));
    return this;
  };
  try {
    void listener.close();
    const again = await serve(transport, listener.address);
    expect(again.listener.address).toEqual(listener.address);
    await dial(kcp(), again.listener.address);
    await until(() => again.accepted.length === 1);
  } finally {
    Socket.prototype.close = close;
  }
});

describe('a connection whose server', () => {
  it('was started anew hears of it with its next write', async () => {
    const { served, client, server, clientHeard, serverHeard } = await pair(kcp());
    client.write(Buffer.from('hello'));
    await until(() => serverHeard.text === 'hello');
    // As if the process had died: nobody is told.
    Object.assign(server, { tellReset() {} });
    server.abort();
    await served.listener.close();
    const again = await serve(kcp(), served.listener.address);
    client.write(Buffer.from('anybody?'));
    await until(() => clientHeard.closes.length === 1);
    expect(clientHeard.closes[0]).toMatchObject({ reason: 'CONNECTION_LOST', message: expect.stringContaining('the other side cut the connection, or knows nothing of it any more') as string });
    expect(again.accepted.length).toBe(0);
  });

  it('has gone hears of it with its next write', async () => {
    const { served, client, server, clientHeard } = await pair(kcp());
    Object.assign(server, { tellReset() {} });
    server.abort();
    await served.listener.close();
    client.write(Buffer.from('anybody?'));
    await until(() => clientHeard.closes.length === 1);
    expect(clientHeard.closes[0]).toMatchObject({ reason: 'CONNECTION_LOST', message: expect.stringContaining('ECONNREFUSED') as string });
  });

  it('has agreed to the end and gone, which was not heard, is no loss', async () => {
    const { served, client, server, clientHeard, serverHeard } = await pair(kcp());
    client.write(Buffer.from('hello'));
    await until(() => serverHeard.text === 'hello' && (client as KcpConnection).conversation.outgoing.isEmpty); // which is what kcp() makes
    await served.listener.close();
    Object.assign((server as KcpConnection).conversation, { sendControl() {} }); // it, too
    await client.close();
    expect(serverHeard.closes).toEqual([undefined]);
    expect(clientHeard.closes).toEqual([undefined]);
  });
});
