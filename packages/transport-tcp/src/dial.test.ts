import { createServer, Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { manualClock } from '@rpcxjs/testing';
import { closeAfterEach, later, memoryLogger, rejection } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { dialSocket } from './dial.ts';
import type { SocketDial } from './dial.ts';
import { tcp } from './tcp.ts';

closeAfterEach();

const address = { network: 'tcp', host: '192.0.2.1:8972' };

/** A socket that never connects. */
function nowhere(): { readonly request: SocketDial; readonly socket: Socket } {
  const socket = new Socket();
  return { socket, request: { address, connectTimeoutMs: 3000, closeTimeoutMs: 1, resets: true, open: () => socket, ends: () => ({ local: undefined, remote: undefined }) } };
}

describe('a dial', () => {
  it('gives up after connectTimeoutMs and leaves nothing behind', async () => {
    const clock = manualClock();
    const { request, socket } = nowhere();
    const dialling = rejection(dialSocket(request, { runtime: { clock, logger: memoryLogger([]) } }));
    clock.advance(2999);
    expect(socket.destroyed).toBe(false);
    clock.advance(1);
    const error = await dialling;
    expect(error).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false, address: 'tcp@192.0.2.1:8972' });
    expect(error.message).toContain('the connection took longer than 3000 ms');
    expect([socket.destroyed, clock.pending]).toEqual([true, 0]);
  });

  it('names what was dialled also where the other side has gone by the time it is connected, and the system knows of no peer', async () => {
    const { request, socket } = nowhere();
    const dialling = dialSocket(request, { runtime: { clock: manualClock(), logger: memoryLogger([]) } });
    socket.emit('connect');
    const connection = await dialling;
    expect(connection.remote).toEqual(address);
    connection.abort();
  });

  it('that is aborted rejects with the reason, destroys the socket and takes its listener and timer off', async () => {
    const clock = manualClock();
    const { request, socket } = nowhere();
    const controller = new AbortController();
    const listeners = new Set<unknown>();
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    Object.assign(signal, {
      addEventListener: (...args: Parameters<typeof add>) => (listeners.add(args[1]), add(...args)),
      removeEventListener: (...args: Parameters<typeof remove>) => (listeners.delete(args[1]), remove(...args)),
    });
    const dialling = rejection(dialSocket(request, { runtime: { clock, logger: memoryLogger([]) }, signal }));
    expect(listeners.size).toBe(1);
    const reason = new Error('changed my mind');
    controller.abort(reason);
    expect(await dialling).toBe(reason);
    expect([socket.destroyed, clock.pending, listeners.size]).toEqual([true, 0, 0]);
  });

  it('gives up a TLS handshake that is not answered after handshakeTimeoutMs', async () => {
    const server = createServer((socket) => socket.resume().on('error', () => {}));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    later(() => new Promise((resolve) => server.close(resolve)));
    const clock = manualClock();
    const connected = new Promise((resolve) => server.once('connection', resolve));
    const { port } = server.address() as AddressInfo;
    const dialling = rejection(tcp({ tls: true, handshakeTimeoutMs: 400 }).dial({ network: 'tcp', host: `127.0.0.1:${port}` }, { runtime: { clock, logger: memoryLogger([]) } }));
    await connected;
    // The timer of the connection gives way to that of the handshake.
    for (let turns = 0; clock.nextAt !== 400 && turns < 1000; turns++) await new Promise((resolve) => { setImmediate(resolve); });
    clock.advance(400);
    expect((await dialling).message).toContain('the TLS handshake took longer than 400 ms');
    expect(clock.pending).toBe(0);
  });
});
