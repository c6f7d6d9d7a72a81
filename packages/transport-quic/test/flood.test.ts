import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { expect, it } from 'vitest';
import { quic } from '../src/index.ts';
import type { QuicEngine } from '../src/index.ts';
import { loadDefaultEngine } from '../src/load-engine.ts';
import { resolveQuicOptions } from '../src/quic-options.ts';
import { describeWithEngine, Ear, listening, quietRuntime, tls, until } from './sides.ts';

/** Counts the connections that a server begins. */
function counting(engine: QuicEngine): { engine: QuicEngine; readonly begun: number } {
  let begun = 0;
  const counted: QuicEngine = {
    ...engine,
    configure(settings) {
      const context = engine.configure(settings);
      return {
        connect: (options) => context.connect(options),
        accept(options) {
          begun++;
          return context.accept(options);
        },
      };
    },
  };
  return { engine: counted, get begun() { return begun; } };
}

/** First packets as a client sends them, each of a connection of its own. */
async function firstPackets(count: number): Promise<Uint8Array[]> {
  const engine = await loadDefaultEngine();
  const resolved = resolveQuicOptions({ tls });
  const context = engine.configure(resolved.settings('client', resolved.tls.current(quietRuntime.logger)));
  const out = new Uint8Array(1500);
  return Array.from({ length: count }, () => {
    const connection = context.connect({ serverName: 'localhost', sourceId: randomBytes(16), local: { host: '127.0.0.1', port: 1 }, remote: { host: '127.0.0.1', port: 2 } });
    return out.slice(0, connection.send(out));
  });
}

interface Crowd extends AsyncDisposable {
  readonly heard: Buffer[];
  /** In portions that a receive buffer holds. */
  send(datagrams: readonly Uint8Array[], port: number): Promise<void>;
}

async function crowd(size: number): Promise<Crowd> {
  const heard: Buffer[] = [];
  const sockets: Socket[] = await Promise.all(Array.from({ length: size }, (_, index) => new Promise<Socket>((resolve) => {
    const socket = createSocket('udp4').on('message', (datagram) => heard.push(datagram)).on('error', () => {});
    socket.bind(0, `127.0.0.${2 + (index % 200)}`, () => resolve(socket));
  })));
  return {
    heard,
    async send(datagrams, port) {
      for (const [index, datagram] of datagrams.entries()) {
        sockets[index % size]?.send(datagram, port, '127.0.0.1');
        if (index % 30 === 29) await new Promise((resolve) => { setImmediate(resolve); });
      }
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => { setImmediate(resolve); });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => { socket.close(resolve); })));
    },
  };
}

const portOf = (host: string): number => Number(host.slice(host.lastIndexOf(':') + 1));

describeWithEngine('quic in a flood', () => {
  it('first packets from everywhere begin no more connections than the limit; who answers a Retry is let in meanwhile', async () => {
    const watched = counting(await loadDefaultEngine());
    await using place = await listening({ engine: watched.engine, retryFromHandshakes: 20, handshakeTimeoutMs: 3000 });
    await using strangers = await crowd(50);
    const packets = await firstPackets(3000);
    await strangers.send(packets, portOf(place.listener.address.host));
    expect(watched.begun).toBe(20);
    // Each further one was answered by one packet of its own kind, and that was all.
    const retries = strangers.heard.filter((datagram) => ((datagram[0] ?? 0) & 0xf0) === 0xf0);
    expect(retries.length).toBeGreaterThan(2500);
    expect(Math.max(...retries.map((datagram) => datagram.length))).toBeLessThan(200);
    const client = new Ear(await quic({ tls }).dial(place.listener.address, { runtime: quietRuntime }));
    client.connection.write(Buffer.from('let me in'));
    await until(() => place.accepted[0]?.text === 'let me in', 'the honest client is served');
    expect(watched.begun).toBe(21);
    client.connection.abort();
  });

  it('a flood of noise keeps nothing', async () => {
    const watched = counting(await loadDefaultEngine());
    await using place = await listening({ engine: watched.engine });
    await using strangers = await crowd(20);
    const port = portOf(place.listener.address.host);
    const noise = Array.from({ length: 3000 }, (_, index) => {
      const datagram = randomBytes(index % 3 === 0 ? 1200 : 1 + (index % 1400));
      // A third looks like a first packet of version 1.
      if (index % 3 === 0) datagram.set([0xc0, 0, 0, 0, 1, 8, ...randomBytes(8), 8, ...randomBytes(8), 0, 0x44, 0x80]);
      return datagram;
    });
    await strangers.send(noise, port);
    expect(watched.begun, 'some looked real enough to be tried').toBeGreaterThan(500);
    const client = new Ear(await quic({ tls }).dial(place.listener.address, { runtime: quietRuntime }));
    client.connection.write(Buffer.from('still there'));
    await until(() => place.accepted[0]?.text === 'still there', 'the honest client is served');
    expect(retriesIn(strangers.heard), 'noise is no handshake that counts').toBe(0);
    client.connection.abort();
  });

  it('a first packet of an unknown version is told which are known; a short one is not answered', async () => {
    await using place = await listening();
    await using stranger = await crowd(1);
    const port = portOf(place.listener.address.host);
    const unknown = Buffer.alloc(1200);
    unknown.set([0xc0, 0xfa, 0xce, 0xb0, 0x0c, 4, 1, 2, 3, 4, 2, 8, 9]);
    await stranger.send([unknown.subarray(0, 1000), unknown], port);
    await until(() => stranger.heard.length > 0, 'an answer');
    expect(stranger.heard.map((datagram) => datagram.subarray(1).toString('hex'))).toEqual(['00000000020809040102030400000001']);
  });

  it('beyond maxHandshakes newcomers are refused, not kept waiting', async () => {
    await using place = await listening({ retryFromHandshakes: 1_000_000, maxHandshakes: 5, handshakeTimeoutMs: 400 });
    await using strangers = await crowd(5);
    await strangers.send(await firstPackets(5), portOf(place.listener.address.host));
    await expect(quic({ tls }).dial(place.listener.address, { runtime: quietRuntime })).rejects.toMatchObject({ message: expect.stringContaining('too many handshakes at once') as string });
    // Their time is over some day.
    let connection: Ear | undefined;
    for (let round = 0; connection === undefined && round < 100; round++) {
      connection = await quic({ tls }).dial(place.listener.address, { runtime: quietRuntime }).then((made) => new Ear(made), () => new Promise((resolve) => { setTimeout(() => resolve(undefined), 20); }));
    }
    expect(connection).toBeDefined();
    connection?.connection.abort();
  });
});

function retriesIn(heard: readonly Buffer[]): number {
  return heard.filter((datagram) => ((datagram[0] ?? 0) & 0xf0) === 0xf0 && datagram.readUInt32BE(1) === 1).length;
}
