import { describe, expect, it } from 'vitest';
import { createServer, weightedByRoundTrip } from '../src/index.ts';
import { until } from './pair.ts';

describe('weightedByRoundTrip() of the usual set', () => {
  it('measures by opening TCP connections, and soon leaves out who cannot be reached', async () => {
    await using server = createServer();
    const [alive = ''] = await server.listen('tcp@127.0.0.1:0');
    await using gone = createServer();
    const [dead = ''] = await gone.listen('tcp@127.0.0.1:0');
    await gone.close();
    const instances = [alive, dead].map((address) => ({ address, metadata: {} }));
    const picker = weightedByRoundTrip().build(instances, undefined);
    const info = { service: 'S', method: 'M', input: undefined, metadata: {}, hashKey: undefined, avoid: undefined };
    const ten = (): (string | undefined)[] => Array.from({ length: 10 }, () => picker.pick(info)?.instance.address);
    expect(ten()).toContain(dead);
    await until(() => !ten().includes(dead));
    expect(new Set(ten())).toEqual(new Set([alive]));
  });

  it('refuses a probe that is none', () => {
    expect(() => weightedByRoundTrip({ probe: 'icmp' as never })).toThrow(TypeError);
  });
});
