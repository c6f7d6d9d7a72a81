import { createHash } from 'node:crypto';
import type { Connection, ConnectionSink } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { tcp } from '@rpcxjs/transport-tcp';
import { closeAfterEach, freePort, raw, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { ConnectionDuplex } from './connection-duplex.ts';
import { serveHttp } from './serve-http.ts';

const here = freePort('tcp');

closeAfterEach();

async function pair(clock = manualClock()): Promise<{ stream: ConnectionDuplex; peer: Awaited<ReturnType<typeof raw>>; closes: (Error | undefined)[] }> {
  const { listener, accepted } = await serve(tcp(), here);
  const peer = await raw(listener.address);
  await until(() => accepted.length === 1);
  const closes: (Error | undefined)[] = [];
  return { stream: new ConnectionDuplex(accepted[0] as Connection, clock, (reason) => void closes.push(reason)), peer, closes };
}

describe('a connection as a stream', () => {
  it('carries bytes both ways, holds a fast writer back, and ends with what was written', async () => {
    const { stream, peer, closes } = await pair();
    const large = Buffer.alloc(8_000_000, 'abcdefgh');
    stream.on('data', (chunk: Buffer) => void stream.write(chunk));
    peer.socket.write('ping');
    await until(() => peer.heard.text === 'ping');
    peer.socket.pause();
    expect(stream.write(large)).toBe(false);
    stream.end();
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => { setImmediate(resolve); });
    expect(stream.writableFinished).toBe(false);
    peer.socket.resume();
    peer.socket.on('end', () => peer.socket.end());
    await until(() => stream.destroyed && closes.length === 1);
    expect([closes, peer.heard.text.length]).toEqual([[undefined], large.length + 4]);
  });

  it('pauses the connection while nobody reads the stream', async () => {
    const { stream, peer } = await pair();
    // Each block is told apart: what waits in the stream must not be the memory that the next chunk is read into.
    const sent = createHash('sha1');
    for (let at = 0; at < 40; at++) {
      const block = Buffer.alloc(1_000_000, `block ${at} `);
      sent.update(block);
      peer.socket.write(block);
    }
    stream.once('readable', () => {});
    await until(() => stream.readableLength > 0);
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => { setImmediate(resolve); });
    expect(stream.readableLength).toBeLessThan(2_000_000);
    const heard = createHash('sha1');
    let bytes = 0;
    stream.on('data', (part: Buffer) => {
      bytes += part.length;
      heard.update(part);
    });
    stream.resume();
    await until(() => bytes === 40_000_000);
    expect(heard.digest('hex')).toBe(sent.digest('hex'));
    stream.destroy();
  });

  it('lets the writer use its memory again once it is told', async () => {
    const { stream, peer } = await pair();
    const memory = Buffer.alloc(1000);
    for (let round = 0; round < 100; round++) {
      memory.fill(97 + (round % 26));
      await new Promise<void>((resolve) => stream.write(memory, () => resolve()));
    }
    await until(() => peer.heard.text.length === 100_000);
    expect(/^(a{1000})(b{1000})(c{1000})/.test(peer.heard.text)).toBe(true);
    stream.destroy();
  });

  it('says who is there, and when nothing was heard for a time', async () => {
    const clock = manualClock();
    const { stream, peer } = await pair(clock);
    expect([stream.remoteAddress, stream.remotePort, stream.localAddress]).toEqual(['127.0.0.1', peer.socket.localPort, '127.0.0.1']);
    let timeouts = 0;
    stream.on('data', () => {}).setNoDelay().setKeepAlive().ref().unref().setTimeout(1000, () => (timeouts += 1));
    clock.advance(900);
    const heard = new Promise<void>((resolve) => stream.once('data', () => resolve()));
    peer.socket.write('x');
    await heard;
    clock.advance(999);
    expect(timeouts).toBe(0);
    clock.advance(1);
    expect(timeouts).toBe(1);
    stream.setTimeout(500).setTimeout(0);
    stream.setTimeout(700);
    stream.destroy();
    expect(clock.pending).toBe(0);
  });

  it('is destroyed with the reason of a connection that broke, and its writers are told', () => {
    let sink: ConnectionSink | undefined;
    const aborts: unknown[] = [];
    const below: Connection = {
      local: undefined, remote: { network: 'unix', host: '/run/x' }, bufferedBytes: 0,
      start: (given) => (sink = given), write: () => false, pause() {}, resume() {}, close: async () => {}, abort: (reason) => void aborts.push(reason),
    };
    const stream = new ConnectionDuplex(below, manualClock());
    expect([stream.remoteAddress, stream.remotePort]).toEqual(['/run/x', undefined]);
    const errors: unknown[] = [];
    stream.on('error', (error) => errors.push(error));
    const written: unknown[] = [];
    stream.write('x', (error) => written.push(error));
    const reason = new Error('lost');
    sink?.closed(reason);
    return until(() => errors.length === 1 && written.length === 1).then(() => {
      expect(errors).toEqual([reason]);
      expect(written[0]).toBeInstanceOf(Error);
      expect(aborts).toEqual([]);
    });
  });
});

it('serveHttp refuses what is no acceptor and no server', async () => {
  await expect(serveHttp({} as never, {} as never, 'tcp@:0')).rejects.toThrow('serveHttp: the first argument has no listen()');
  await expect(serveHttp(tcp(), {} as never, 'tcp@:0')).rejects.toThrow('serveHttp: the second argument is no server');
});
