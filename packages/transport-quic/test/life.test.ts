import { networkInterfaces } from 'node:os';
import { setTimeout as setUnseen } from 'node:timers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLogger, systemClock } from '@rpcxjs/core';
import type { Clock } from '@rpcxjs/core';
import { udpFaultProxy } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { quic } from '../src/index.ts';
import type { QuicEngine } from '../src/index.ts';
import { loadDefaultEngine } from '../src/load-engine.ts';
import { switchingRelay } from './switching-relay.ts';
import { describeWithEngine, Ear, listening, quietRuntime, rejection, tls, until } from './sides.ts';

/** Addresses of this machine that say through which interface, as link-local ones must. */
function addressesWithZones(): string[] {
  return Object.entries(networkInterfaces()).flatMap(([name, all = []]) => all.filter(({ address }) => address === '::1' || address.startsWith('fe80:')).map(({ address }) => `[${address}%${name}]`));
}

describeWithEngine('a quic connection', () => {
  it('goes to an address with a zone, and is answered there', async () => {
    await using place = await listening({}, { echo: true, at: '[::]:0' });
    const port = place.listener.address.host.split(':').at(-1);
    for (const host of addressesWithZones()) {
      const client = new Ear(await quic({ tls: { insecureSkipVerify: true } }).dial({ network: 'quic', host: `${host}:${port}` }, { runtime: quietRuntime }));
      client.connection.write(Buffer.from('hello'));
      await until(() => client.text === 'hello', `an echo from ${host}`);
      await client.connection.close();
    }
  });

  it('is told by the other side although nobody ever wrote: closed, and aborted', async () => {
    await using place = await listening();
    const dial = async (): Promise<[Ear, Ear]> => {
      const client = new Ear(await place.transport.dial(place.listener.address, { runtime: quietRuntime }));
      const before = place.accepted.length;
      await until(() => place.accepted.length > before || before > 0, 'the connection was accepted');
      const server = place.accepted.at(-1);
      if (server === undefined) throw new Error('nothing was accepted');
      place.accepted.length = 0;
      return [client, server];
    };
    for (const who of [0, 1] as const) {
      const closing = await dial();
      await closing[who].connection.close();
      await until(() => closing.every(({ ends }) => ends === 1), 'both ended');
      expect(closing.map(({ reason }) => reason)).toEqual([undefined, undefined]);
      const aborting = await dial();
      aborting[who].connection.abort();
      await until(() => aborting.every(({ ends }) => ends === 1), 'both ended');
      expect(aborting[1 - who]?.reason).toMatchObject({ reason: 'CONNECTION_LOST', message: expect.stringContaining('the other side aborted the connection') as string });
    }
  });

  it('is told of an abort while the way is full, too: the last word waits for room', async () => {
    await using place = await listening();
    for (let round = 0; round < 5; round++) {
      const client = new Ear(await place.transport.dial(place.listener.address, { runtime: quietRuntime }));
      client.connection.write(Buffer.from('x'));
      await until(() => place.accepted[round]?.bytes === 1, 'the byte arrived');
      client.connection.write(new Uint8Array(300_000));
      // The first flight leaves at the end of this turn, and fills the congestion window.
      await Promise.resolve().then(() => {});
      expect(client.connection.bufferedBytes).toBeGreaterThan(0);
      client.connection.abort();
      expect(client.ends).toBe(1);
      await until(() => place.accepted[round]?.ends === 1, 'the server heard of it', 2000);
      expect(place.accepted[round]?.reason).toMatchObject({ reason: 'CONNECTION_LOST', message: expect.stringContaining('the other side aborted the connection') as string });
    }
  });

  it('what a server writes first waits for the first byte of the client', async () => {
    await using place = await listening();
    const client = new Ear(await place.transport.dial(place.listener.address, { runtime: quietRuntime }));
    await until(() => place.accepted.length === 1, 'the connection was accepted');
    const server = place.accepted[0];
    server?.connection.write(Buffer.from('early'));
    expect(server?.connection.bufferedBytes).toBe(5);
    client.connection.write(Buffer.from('hello'));
    await until(() => client.text === 'early' && server?.text === 'hello', 'both heard');
    expect(server?.connection.bufferedBytes).toBe(0);
    client.connection.abort();
  });

  it('silence ends it after idleTimeoutMs, and signs of life keep it', async () => {
    await using place = await listening({ keepAliveMs: 0 });
    await using proxy = await udpFaultProxy({ target: place.listener.address });
    const options = { tls, idleTimeoutMs: 150, keepAliveMs: 30 };
    const kept = new Ear(await quic(options).dial(place.listener.address, { runtime: quietRuntime }));
    const cut = new Ear(await quic(options).dial(proxy.address, { runtime: quietRuntime }));
    const mute = new Ear(await quic({ ...options, keepAliveMs: 0 }).dial(place.listener.address, { runtime: quietRuntime }));
    proxy.toClient.set({ blackHole: true });
    await until(() => cut.ends > 0 && mute.ends > 0, 'two connections are lost');
    expect(cut.reason).toMatchObject({ reason: 'CONNECTION_LOST', message: expect.stringContaining('nothing came from the other side for 150 ms') as string });
    expect(mute.reason).toMatchObject({ reason: 'CONNECTION_LOST' });
    expect(kept.ends, 'the one that asks for signs of life is still there').toBe(0);
    kept.connection.write(Buffer.from('still here'));
    await until(() => place.accepted.some(({ text }) => text === 'still here'), 'and carries bytes');
    kept.connection.abort();
  });

  it('close() waits for a peer that does not end only as long as it may', async () => {
    await using place = await listening();
    await using proxy = await udpFaultProxy({ target: place.listener.address });
    const client = new Ear(await quic({ tls, closeTimeoutMs: 80 }).dial(proxy.address, { runtime: quietRuntime }));
    client.connection.write(Buffer.from('x'));
    await until(() => place.accepted[0]?.bytes === 1, 'the byte arrived');
    proxy.toServer.set({ blackHole: true });
    await client.connection.close();
    expect(client.reason).toMatchObject({ reason: 'CONNECTION_LOST', message: expect.stringContaining('it did not end within 80 ms after this side did') as string });
  });

  it('goes on when a router on the way gives it another port', async () => {
    await using place = await listening({}, { echo: true });
    await using proxy = await udpFaultProxy({ target: place.listener.address });
    const client = new Ear(await quic({ tls }).dial(proxy.address, { runtime: quietRuntime }));
    client.connection.write(Buffer.from('one '));
    await until(() => client.text === 'one ', 'the first echo');
    proxy.rebind();
    client.connection.write(Buffer.from('two'));
    await until(() => client.text === 'one two', 'the second echo');
    client.connection.abort();
  });

  it('is told by a server that was started anew on the same port', async () => {
    await using first = await listening({}, { echo: true });
    // The same key and another process, as far as the client can see.
    await using second = await listening({}, { echo: true });
    let target = first;
    await using relay = await switchingRelay(() => target.listener.address);
    const client = new Ear(await quic({ tls }).dial(relay.address, { runtime: quietRuntime }));
    client.connection.write(Buffer.from('one'));
    await until(() => client.text === 'one', 'the echo');
    target = second;
    client.connection.write(Buffer.from('two'));
    await until(() => client.ends > 0, 'the client is told', 1000);
    expect(client.reason).toMatchObject({ reason: 'CONNECTION_LOST', message: expect.stringContaining('it was started anew') as string });
  });

  it('is one of many on the port of a closed listener, which the next listener takes over', async () => {
    const first = await listening({}, { echo: true });
    const { address } = first.listener;
    const old = new Ear(await first.transport.dial(address, { runtime: quietRuntime }));
    old.connection.write(Buffer.from('a'));
    await until(() => old.text === 'a', 'the echo');
    await first.listener.close();
    await using second = await listening({}, { echo: true, at: address.host });
    const young = new Ear(await first.transport.dial(address, { runtime: quietRuntime }));
    young.connection.write(Buffer.from('b'));
    old.connection.write(Buffer.from('b'));
    await until(() => old.text === 'ab' && young.text === 'b', 'both are served');
    expect([first.accepted.length, second.accepted.length]).toEqual([1, 1]);
    expect(await rejection(listening({}, { at: address.host }))).toMatchObject({ reason: 'LISTEN_FAILED' });
    old.connection.abort();
    young.connection.abort();
  });

  it('listens on every interface and both families where the host is empty', async () => {
    await using place = await listening({}, { echo: true, at: ':0' });
    const port = place.listener.address.host.split(':').at(-1);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `:${port}`]) {
      const client = new Ear(await quic({ tls }).dial({ network: 'quic', host }, { runtime: quietRuntime }));
      client.connection.write(Buffer.from(host));
      await until(() => client.text === host, 'the echo');
      expect(place.accepted.at(-1)?.connection.remote?.host).toMatch(/^(127\.0\.0\.1|\[::1\]):\d+$/);
      client.connection.abort();
    }
  });

  it('leaves nothing of its engine in memory', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const made: WeakRef<object>[] = [];
    const engine = remembering(await loadDefaultEngine(), made);
    // The check for leaks keeps each timer that it sees, and so what the timer would have called.
    const clock: Clock = { ...systemClock, setTimer(run, delayMs) { const timer = setUnseen(run, delayMs); return { cancel: () => clearTimeout(timer) }; } };
    const runtime = { clock, logger: silentLogger };
    await using place = await listening({ engine }, { runtime });
    for (let index = 0; index < 200; index++) {
      const client = new Ear(await place.transport.dial(place.listener.address, { runtime }));
      client.connection.write(Buffer.from('x'));
      if (index % 3 === 0) client.connection.abort();
      else await client.connection.close();
    }
    await until(() => place.accepted.every(({ ends }) => ends > 0), 'all ended');
    place.accepted.length = 0;
    expect(made).toHaveLength(400);
    await until(() => {
      collect();
      return made.filter((each) => each.deref() !== undefined).length < 10;
    }, 'nearly all are collected', 2000);
  });
});

function remembering(engine: QuicEngine, made: WeakRef<object>[]): QuicEngine {
  const keep = <T extends object>(connection: T): T => {
    made.push(new WeakRef(connection));
    return connection;
  };
  return {
    ...engine,
    configure(settings) {
      const context = engine.configure(settings);
      return { connect: (options) => keep(context.connect(options)), accept: (options) => keep(context.accept(options)) };
    },
  };
}
