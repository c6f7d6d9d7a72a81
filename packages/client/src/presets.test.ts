import { expect, it } from 'vitest';
import { failure, rig } from '../test/fake-server.ts';
import { resolveClientOptions } from './resolved-options.ts';
import { presets, type Preset } from './presets.ts';

const unavailable = { error: { code: 'unavailable', retryAfterMs: undefined }, retryable: true, instance: undefined };
/** What the fail mode does after each of so many attempts. */
const decisions = ({ failMode }: Preset, attempts: number): unknown[] => Array.from({ length: attempts }, (_, index) => {
  const decision = failMode?.next({ ...unavailable, attempt: index + 1 } as never, {} as never); // it looks at no more
  return decision === 'give-up' ? decision : [decision?.afterMs, decision?.jitterMs];
});
const settings = ({ failMode, ...rest }: Preset): unknown => ({ ...rest, failMode: failMode?.name });

it('X03: presets have the documented defaults of the four systems', () => {
  expect(settings(presets.rpcx)).toEqual({
    timeoutMs: Infinity, failMode: 'failover', pool: { connections: 1, connectTimeoutMs: 1000 }, queue: { max: 32_768, overflow: 'reject' }, flush: { delayMs: -1 },
    heartbeat: { answerMs: 30_000 },
  });
  expect(decisions(presets.rpcx, 4)).toEqual([[0, 0], [0, 0], [0, 0], 'give-up']);
  expect(settings(presets.gorpc)).toEqual({
    timeoutMs: 20_000, failMode: 'failfast', pool: { connections: 1, connectTimeoutMs: 10_000 }, queue: { max: 32_768, overflow: 'drop-oldest', whileDown: 'keep' },
    flush: { delayMs: -1, maxBytes: 65_536 }, reconnect: { initialMs: 1000, factor: 1, maxMs: 1000, jitter: 0, spreadMs: 0 }, outstanding: { max: 327_680 },
  });
  expect(settings(presets.netrpc)).toEqual({ timeoutMs: Infinity, failMode: 'failfast', pool: { connections: 1 }, flush: { delayMs: -1 } });
  expect(settings(presets.morpc)).toEqual({
    requireDeadline: true, failMode: 'failover', pool: { connections: 1, max: 1, grow: 'busy', busyAt: 768, idleMs: 60_000, maxDials: 4, connectTimeoutMs: 5000 },
    queue: { max: 1024, overflow: 'wait' }, flush: { delayMs: -1, maxMessages: 8 }, reconnect: { initialMs: 10, factor: 2, maxMs: 1000, jitter: 0.2 },
    limits: { maxFrameBytes: 115_343_360 },
  });
  expect(decisions(presets.morpc, 9).slice(0, 8)).toEqual([10, 20, 40, 80, 160, 320, 640, 1000].map((most) => [0, most]));
});

it.each(Object.entries(presets))('X03: the preset %s makes a client, with the limits that protect it', async (_name, preset) => {
  const resolved = resolveClientOptions({ ...preset, servers: 'memory@fake', transports: [{ networks: ['memory'], dial: () => Promise.reject(new Error('down')) }] });
  expect(resolved.limits.maxFrameBytes).toBeLessThan(Infinity);
  expect(resolved.limits.maxInflatedBytes).toBeLessThan(Infinity);
  expect(resolved.link.queue.max).toBeLessThan(Infinity);
  expect(resolved.link.maxOutstanding).toBeLessThan(Infinity);
  expect(resolved.health).toBeDefined();
  await using one = await rig(preset);
  one.server.onCall = (call) => one.server.reply(call);
  expect(await one.client.call('A', 'B', 1, { timeoutMs: 5000 })).toBe('ok');
});

it('the preset morpc refuses a call without a deadline', async () => {
  await using one = await rig(presets.morpc);
  expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ reason: 'NO_DEADLINE' });
});
