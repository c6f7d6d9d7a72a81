import { deflateStream } from '@rpcxjs/compress-gzip';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { expect, it } from 'vitest';
import { createClient, createServer, type Client, type Connection, type Dialer } from '../src/index.ts';
import { failure, until } from './pair.ts';

const call = { name: 'Ada', items: Array.from({ length: 8 }, (_, id) => ({ id, title: `item number ${id}`, tags: ['a', 'b'] })) };

it('G08: a connection is deflated as its client chooses: both kinds are served, and equal calls take less than a fifth of the bytes', async () => {
  const network = memoryNetwork();
  const server = createServer({ transports: [network], plugins: [deflateStream()] });
  server.registerFunction('Echo', 'Say', (input: unknown) => input);
  const [address = ''] = await server.listen('memory@server');
  const run = async (plugins: ReturnType<typeof deflateStream>[]): Promise<number> => {
    let bytes = 0;
    const counted = (inner: Connection): Connection => new Proxy(inner, {
      get(target, name) {
        if (name === 'write') return (chunk: Uint8Array) => { bytes += chunk.length; return target.write(chunk); };
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const dialer: Dialer = { networks: ['memory'], dial: async (where, options) => counted(await network.dial(where, options)) };
    const client: Client = createClient({ servers: address, transports: [dialer], plugins });
    for (let n = 0; n < 100; n++) expect(await client.call('Echo', 'Say', call)).toEqual(call);
    expect(await failure(client.call('Echo', 'None', 1))).toMatchObject({ reason: 'UNKNOWN_METHOD' });
    const large = 'x'.repeat(2_000_000);
    const before = bytes;
    expect(await client.call('Echo', 'Say', large)).toBe(large);
    const small = before;
    await client.close();
    return small;
  };
  const [deflated, plain] = await Promise.all([run([deflateStream()]), run([])]);
  expect(plain).toBeGreaterThan(100 * 100);
  expect(deflated).toBeLessThan(plain / 5);
  await server.close();
});

it('a client that says deflate and sends anything else costs its own connection only', async () => {
  const network = memoryNetwork();
  const server = createServer({ transports: [network], plugins: [deflateStream()], logger: { debug() {}, info() {}, warn() {}, error() {}, child() { return this; } } });
  server.registerFunction('Echo', 'Say', (input: unknown) => input);
  const [address = ''] = await server.listen('memory@server');
  const client = createClient({ servers: address, transports: [network], plugins: [deflateStream({ level: 6 })] });
  expect(await client.call('Echo', 'Say', 1)).toBe(1);
  let seed = 7;
  const junk = Uint8Array.from({ length: 65_536 }, () => (seed = (seed * 1_103_515_245 + 12_345) & 0x7f_ff_ff_ff) & 255);
  for (let n = 0; n < 10; n++) {
    let ended = false;
    const connection = await network.dial({ network: 'memory', host: 'server' }, { runtime: { clock: { now: () => 0, wallTime: () => 0, random: () => 0.5, setTimer: () => ({ cancel() {} }) }, logger: { debug() {}, info() {}, warn() {}, error() {}, child() { return this; } } } });
    connection.start({ data() {}, drain() {}, closed: () => { ended = true; } });
    connection.write(Uint8Array.of(1));
    connection.write(junk.subarray(n));
    await until(() => ended);
  }
  expect(await client.call('Echo', 'Say', 2)).toBe(2);
  expect(server.stats().connections).toBe(1);
  await client.close();
  await server.close();
});
