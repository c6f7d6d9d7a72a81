import { consoleLogger, RpcError, systemClock } from '@rpcxjs/core';
import type { Connection, ConnectionSink, Runtime } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { manualClock } from '@rpcxjs/testing';
import { memory, memoryNetwork } from './network.ts';
import type { MemoryNetwork } from './network.ts';

const address = { network: 'memory', host: 'orders' };

class Heard implements ConnectionSink {
  chunks: Uint8Array[] = [];
  text = '';
  drains = 0;
  closes: (Error | undefined)[] = [];
  data(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.text += String.fromCharCode(...chunk);
  }
  drain(): void {
    this.drains++;
  }
  closed(reason: Error | undefined): void {
    this.closes.push(reason);
  }
}

interface Rig {
  readonly clock: ReturnType<typeof manualClock>;
  readonly runtime: Runtime;
  readonly network: MemoryNetwork;
  readonly client: Connection;
  readonly server: Connection;
  readonly clientHeard: Heard;
  readonly serverHeard: Heard;
}

async function rig(network = memoryNetwork()): Promise<Rig> {
  const clock = manualClock();
  const runtime = { clock, logger: consoleLogger(clock) };
  let server: Connection | undefined;
  await network.listen(address, { runtime, accept: (connection) => (server = connection) });
  const client = await network.dial(address, { runtime });
  if (server === undefined) throw new Error('nobody was accepted');
  const [clientHeard, serverHeard] = [new Heard(), new Heard()];
  client.start(clientHeard);
  server.start(serverHeard);
  return { clock, runtime, network, client, server, clientHeard, serverHeard };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** Everything that waits for nothing but its turn. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

describe('a memory network', () => {
  it('delivers a copy, and overwrites it after its delivery so that nobody keeps it', async () => {
    const { client, serverHeard } = await rig();
    const sent = bytes('hello');
    client.write(sent);
    sent.fill(0);
    await settled();
    expect(serverHeard.text).toBe('hello');
    expect([...(serverHeard.chunks[0] ?? [])]).toEqual([0xaa, 0xaa, 0xaa, 0xaa, 0xaa]);
  });

  it('leaves the chunk alone without poison, as the network of the process does', async () => {
    const { client, serverHeard } = await rig(memoryNetwork({ poison: false }));
    client.write(bytes('hello'));
    await settled();
    expect(new TextDecoder().decode(serverHeard.chunks[0])).toBe('hello');
    expect(memory()).toBe(memory());
    expect((memory() as MemoryNetwork).weather.poison).toBe(false);
  });

  it('names both ends, and gives free addresses for :0', async () => {
    const { client, server, network, runtime } = await rig();
    expect(client.remote).toEqual(address);
    expect(server.local).toEqual(address);
    expect(server.remote).toEqual(client.local);
    const accept = (): void => {};
    const first = await network.listen({ network: 'memory', host: '127.0.0.1:0' }, { runtime, accept });
    const second = await network.listen({ network: 'memu', host: '127.0.0.1:0' }, { runtime, accept });
    expect([first.address, second.address]).toEqual([{ network: 'memory', host: '127.0.0.1:1' }, { network: 'memu', host: '127.0.0.1:2' }]);
  });

  it('is out of reach for another network', async () => {
    const { runtime } = await rig();
    const error: unknown = await memoryNetwork().dial(address, { runtime }).catch((cause: unknown) => cause);
    expect(RpcError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false, address: 'memory@orders' });
    expect((error as Error).message).toBe('could not connect to memory@orders: nobody listens there; is the server running, and does it use the same memory network?');
  });

  it('says that a name is taken', async () => {
    const { network, runtime } = await rig();
    await expect(network.listen(address, { runtime, accept() {} })).rejects.toMatchObject({ code: 'unavailable', reason: 'LISTEN_FAILED', sent: false });
  });

  it('counts as buffered what a kernel would not have taken, and drains once', async () => {
    const { client, server, clientHeard, serverHeard } = await rig();
    server.pause();
    expect(client.write(new Uint8Array(64 * 1024))).toBe(true);
    expect(client.bufferedBytes).toBe(0);
    expect(client.write(new Uint8Array(1000))).toBe(false);
    expect(client.bufferedBytes).toBe(1000);
    await settled();
    expect([clientHeard.drains, serverHeard.chunks.length]).toEqual([0, 0]);
    server.resume();
    await settled();
    expect([clientHeard.drains, client.bufferedBytes, serverHeard.text.length]).toEqual([1, 0, 64 * 1024 + 1000]);
  });

  it('lets timers of the process run while bytes go back and forth without a pause', async () => {
    const network = memoryNetwork();
    const runtime = { clock: systemClock, logger: consoleLogger() };
    await network.listen(address, { runtime, accept: (peer) => peer.start({ data: (chunk) => void peer.write(chunk), drain() {}, closed() {} }) });
    let echoes = 0;
    let rang = false;
    setTimeout(() => (rang = true), 1);
    await new Promise<void>((resolve, reject) => {
      void network.dial(address, { runtime }).then((client) => {
        const data = (): void => {
          if (rang || ++echoes === 3_000_000) client.abort();
          else client.write(Uint8Array.of(1));
        };
        client.start({ data, drain() {}, closed: () => (rang ? resolve() : reject(new Error(`${echoes} echoes, and the timer still waits`))) });
        client.write(Uint8Array.of(1));
      });
    });
    expect(echoes).toBeGreaterThan(256);
  });

  it('does not wait longer than 5 s for a side that does not read its end', async () => {
    const { clock, client, server, clientHeard, serverHeard } = await rig();
    server.pause();
    client.write(bytes('last words'));
    const closing = client.close();
    await settled();
    clock.advance(4999);
    expect(clientHeard.closes).toEqual([]);
    clock.advance(1);
    await closing;
    expect(clientHeard.closes[0]?.message).toContain('did not end within 5000 ms');
    await settled();
    expect(serverHeard.closes).toMatchObject([{ reason: 'CONNECTION_LOST' }]);
    expect(clock.pending).toBe(0);
  });
});

describe('the weather', () => {
  it('delays bytes and ends alike, by the clock of the runtime', async () => {
    const { clock, network, client, serverHeard } = await rig();
    network.change({ delayMs: 50 });
    client.write(bytes('one '));
    clock.advance(20);
    client.write(bytes('two'));
    void client.close();
    clock.advance(29);
    await settled();
    expect(serverHeard.text).toBe('');
    clock.advance(1);
    await settled();
    expect([serverHeard.text, serverHeard.closes.length]).toEqual(['one ', 0]);
    clock.advance(20);
    await settled();
    expect([serverHeard.text, serverHeard.closes]).toEqual(['one two', [undefined]]);
    clock.advance(50);
    await settled();
    expect([network.links.length, clock.pending]).toEqual([0, 0]);
  });

  it('B6: slices into single bytes', async () => {
    const { network, client, serverHeard } = await rig();
    network.change({ chunkBytes: 1 });
    client.write(bytes('abc'));
    await settled();
    expect(serverHeard.chunks.map((chunk) => chunk.length)).toEqual([1, 1, 1]);
    expect(serverHeard.text).toBe('abc');
  });

  it('holds one direction in a black hole, an abort too, until it lifts', async () => {
    const { network, client, server, clientHeard, serverHeard } = await rig();
    network.change({ blackHole: 'toServer' });
    client.write(bytes('held'));
    server.write(bytes('free'));
    await settled();
    expect([serverHeard.text, clientHeard.text]).toEqual(['', 'free']);
    network.change({ blackHole: 'none' });
    await settled();
    expect(serverHeard.text).toBe('held');
    network.change({ blackHole: 'both' });
    client.abort(new Error('gone'));
    await settled();
    expect([clientHeard.closes.length, serverHeard.closes.length]).toEqual([1, 0]);
    network.change({ blackHole: 'none' });
    await settled();
    expect(serverHeard.closes).toMatchObject([{ reason: 'CONNECTION_LOST' }]);
  });

  it('lets a dial into a black hole fail after 3 s, or with the signal before that', async () => {
    const { clock, network, runtime } = await rig();
    network.change({ blackHole: 'both' });
    const dialling: Promise<unknown> = network.dial(address, { runtime }).catch((cause: unknown) => cause);
    await settled();
    clock.advance(3000);
    expect(await dialling).toMatchObject({ reason: 'CONNECT_FAILED', sent: false });
    const controller = new AbortController();
    const aborted = network.dial(address, { runtime, signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(aborted).rejects.toThrow('changed my mind');
    expect(clock.pending).toBe(0);
  });

  it('refuses dials, and leaves what is connected alone', async () => {
    const { network, runtime, client, serverHeard } = await rig();
    network.change({ refuse: true });
    await expect(network.dial(address, { runtime })).rejects.toMatchObject({ reason: 'CONNECT_FAILED' });
    client.write(bytes('still here'));
    await settled();
    expect(serverHeard.text).toBe('still here');
  });

  it('refuses weather that cannot be', () => {
    expect(() => memoryNetwork({ delayMs: -1 })).toThrow('delayMs is -1; give milliseconds, at least 0');
    expect(() => memoryNetwork().change({ chunkBytes: 0 })).toThrow('chunkBytes is 0; give at least 1');
    expect(() => memoryNetwork({ blackHole: 'toserver' as 'both' })).toThrow("blackHole is toserver; say 'none', 'toServer', 'toClient', 'both'");
    expect(() => memoryNetwork({ delay: 5 } as object)).toThrow('there is no weather called delay; there are delayMs, ');
  });
});

describe('a link', () => {
  it('is cut for both sides', async () => {
    const { network, clientHeard, serverHeard } = await rig();
    network.links[0]?.cut();
    expect([clientHeard.closes, serverHeard.closes]).toMatchObject([[{ reason: 'CONNECTION_LOST' }], [{ reason: 'CONNECTION_LOST' }]]);
    await settled();
    expect(network.links).toEqual([]);
  });

  it('becomes half-open: one side is gone, and the other writes into the void until it gives up', async () => {
    const { clock, network, server, clientHeard, serverHeard } = await rig();
    network.links[0]?.halfOpen('client');
    expect(clientHeard.closes).toMatchObject([{ reason: 'CONNECTION_LOST' }]);
    server.write(new Uint8Array(100_000));
    await settled();
    expect([serverHeard.closes.length, server.bufferedBytes]).toEqual([0, 100_000 - 64 * 1024]);
    const closing = server.close();
    await settled();
    clock.advance(5000);
    await closing;
    expect(serverHeard.closes[0]?.message).toContain('did not end within 5000 ms');
  });

  it('is dropped: what was under way and what comes goes nowhere, and neither side is told until it gives up', async () => {
    const { clock, network, client, server, clientHeard, serverHeard } = await rig();
    client.write(bytes('lost on its way'));
    network.links[0]?.drop();
    server.write(bytes('lost'));
    while (client.write(new Uint8Array(10_000)));
    await settled();
    clock.advance(3_600_000);
    await settled();
    expect([clientHeard.text, serverHeard.text, clientHeard.drains, clientHeard.closes, serverHeard.closes]).toEqual(['', '', 0, [], []]);
    expect(client.bufferedBytes).toBe('lost on its way'.length + 70_000 - 64 * 1024);
    client.abort(new Error('silent for too long'));
    const closing = server.close();
    await settled();
    expect([clientHeard.closes.length, serverHeard.closes.length]).toEqual([1, 0]);
    clock.advance(5000);
    await closing;
    expect(serverHeard.closes[0]?.message).toContain('did not end within 5000 ms');
    await settled();
    expect([network.links, clock.pending]).toEqual([[], 0]);
  });

  it('is dropped in one direction: the other one goes on', async () => {
    const { clock, network, client, server, clientHeard, serverHeard } = await rig();
    network.change({ delayMs: 10 });
    client.write(bytes('under way'));
    network.links[0]?.drop('toServer');
    client.write(bytes('lost'));
    server.write(bytes('still here'));
    clock.advance(10);
    await settled();
    expect([clientHeard.text, serverHeard.text]).toEqual(['still here', '']);
    const closing = client.close();
    await settled();
    expect([clientHeard.closes, serverHeard.closes]).toEqual([[], []]);
    expect(() => network.links[0]?.drop('up' as 'both')).toThrow("cannot drop up; say 'toServer'");
    clock.advance(5000);
    await closing;
    expect(serverHeard.closes).toEqual([]);
    server.abort();
  });
});
