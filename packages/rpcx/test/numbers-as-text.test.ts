import { expect, it } from 'vitest';
import { closest, createClient, createServer, failover, powerOfTwo, tcp, weightedByRoundTrip } from '../src/index.ts';

const five = '5' as unknown as number; // as process.env gives it to a program without types
const servers = 'tcp@127.0.0.1:1';

it.each<[string, () => unknown]>([
  ['a timeout of tcp()', () => tcp({ connectTimeoutMs: five })],
  ['a limit of a server', () => createServer({ limits: { maxCalls: five } })],
  ['a heartbeat', () => createServer({ heartbeat: { idleTimeoutMs: five } })],
  ['the grace of a server', () => createServer().close({ graceMs: five })],
  ['the grace of a client', () => createClient({ servers }).close({ graceMs: five })],
  ['the timeout of a client', () => createClient({ servers, timeoutMs: five })],
  ['a pool', () => createClient({ servers, pool: { connections: five } })],
  ['a queue', () => createClient({ servers, queue: { max: five } })],
  ['flushing', () => createClient({ servers, flush: { delayMs: five } })],
  ['health', () => createClient({ servers, health: { ejectionMs: five } })],
  ['retries', () => failover({ retries: five })],
  ['powerOfTwo()', () => powerOfTwo({ decayMs: five })],
  ['closest()', () => closest({ latitude: five, longitude: 1 })],
  ['weightedByRoundTrip()', () => weightedByRoundTrip({ intervalMs: five })],
])('a number that comes as text is shown as text by %s: "is 5: it takes a number" would be a riddle', async (_where, make) => {
  await expect(Promise.resolve().then(make)).rejects.toThrow(/"5"/);
});
