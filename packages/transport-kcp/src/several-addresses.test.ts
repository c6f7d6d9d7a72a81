import { createSocket } from 'node:dgram';
import dns from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { manualClock } from '@rpcxjs/testing';
import { closeAfterEach, dial, later, memoryLogger, rejection, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { kcp } from './kcp.ts';

closeAfterEach();

/** Until the test is over, this is what each look-up finds; nothing comes of one without addresses. */
function found(...addresses: string[]): void {
  const { lookup } = dns;
  const all = addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }));
  const change = (to: typeof lookup): void => {
    dns.lookup = to;
    syncBuiltinESMExports();
  };
  change(((_name: string, _options: object, done: (cause: null, all: LookupAddress[]) => void) => {
    if (all.length > 0) done(null, all);
  }) as typeof lookup); // one of its forms
  later(() => change(lookup));
}

describe('a dial of a name with several addresses', () => {
  it('goes on to the next one where nobody listens, and tells of the last', async () => {
    const { listener, accepted } = await serve(kcp(), { network: 'kcp', host: '127.0.0.1:0' });
    const port = listener.address.host.split(':').at(-1);
    const named = { network: 'kcp', host: `several.test:${port}` };
    found('::1', '127.0.0.2', '127.0.0.1');
    const connection = await dial(kcp(), named);
    expect(connection.remote).toEqual(listener.address);
    await until(() => accepted.length === 1);
    found('::1', '127.0.0.2');
    expect(await rejection(dial(kcp(), named))).toMatchObject({ reason: 'CONNECT_FAILED', message: expect.stringContaining(`could not connect to kcp@several.test:${port}: ECONNREFUSED`) as string });
  });

  it('gives each a part of its time, and all of it no more than connectTimeoutMs, the look-up included', async () => {
    const clock = manualClock();
    const { listener } = await serve(kcp(), { network: 'kcp', host: '127.0.0.1:0' });
    // Hears and says nothing.
    const silent = createSocket('udp4');
    later(() => void silent.close());
    let hellos = 0;
    silent.on('message', () => void hellos++);
    await new Promise<void>((resolve) => void silent.bind(Number(listener.address.host.split(':').at(-1)), '127.0.0.2', resolve));
    found('127.0.0.2', '127.0.0.1');
    const dialling = dial(kcp(), { network: 'kcp', host: listener.address.host.replace('127.0.0.1', 'several.test') }, clock);
    await until(() => hellos > 0);
    await clock.advanceAsync(1499);
    expect(clock.pending).toBeGreaterThan(0);
    await clock.advanceAsync(1);
    expect((await dialling).remote).toEqual(listener.address);
    found();
    const waiting = rejection(kcp().dial({ network: 'kcp', host: 'several.test:1' }, { runtime: { clock, logger: memoryLogger([]) } }));
    await clock.advanceAsync(3000);
    expect(await waiting).toMatchObject({ reason: 'CONNECT_FAILED' });
    const controller = new AbortController();
    const aborted = rejection(kcp().dial({ network: 'kcp', host: 'several.test:1' }, { runtime: { clock, logger: memoryLogger([]) }, signal: controller.signal }));
    controller.abort(new Error('enough'));
    expect((await aborted).message).toBe('enough');
  });
});
