import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildGoRegistryPrograms } from '../../src/index.ts';
import { describeWithGo } from '../with-go.ts';
import { findNetwork, LocalNetwork } from './local-network.ts';

const network = findNetwork();
const patience = { timeout: 20_000, interval: 50 };

describeWithGo('Go and TypeScript meet by multicast DNS', () => {
  if (network.missing === undefined) stories(network.way);
  else if (process.env['CI'] === undefined) describe.skip(`in a network of their own (skipped: ${network.missing})`, () => stories([]));
  else {
    // Some machines of CI let nobody make a network; a skipped test fails there.
    console.log(`Go and TypeScript do not meet by multicast DNS here: ${network.missing}`);
    it(`not here: ${network.missing}`, () => expect(findNetwork()).toEqual(network));
  }
});

function stories(way: readonly string[]): void {
  let lan: LocalNetwork;
  beforeAll(async () => void (await buildGoRegistryPrograms()), 300_000);
  beforeEach(() => {
    lan = new LocalNetwork(way);
  });
  afterEach(() => lan[Symbol.asyncDispose]());

  it('TypeScript finds Go servers, honours group, state and weight, and hears the goodbye of one', { timeout: 60_000 }, async () => {
    const light = await lan.ask('goServer', { name: 'light', metadata: 'group=a&weight=1' });
    const heavy = await lan.ask('goServer', { name: 'heavy', metadata: 'group=a&group=b&weight=3' });
    await lan.ask('goServer', { name: 'asleep', metadata: 'group=a&state=inactive&weight=9' });
    await vi.waitFor(async () => expect(await lan.ask('calls', { count: 8 })).toEqual({ light: 4, heavy: 4 }), patience);
    await vi.waitFor(async () => expect(await lan.ask('calls', { count: 8, weighted: true })).toEqual({ light: 2, heavy: 6 }), patience);
    expect(await lan.ask('calls', { count: 8, group: 'b' })).toEqual({ heavy: 8 });
    await lan.ask('stop', { name: 'heavy' });
    await vi.waitFor(async () => expect(await lan.ask('nodes', {})).not.toContain(heavy), { timeout: 2000, interval: 20 });
    expect(await lan.ask('nodes', {})).toContain(light);
    expect(await lan.ask('calls', { count: 8 })).toEqual({ light: 8 });
  });

  it('Go finds TypeScript servers, honours group, state and weight, and forgets the one that says goodbye', { timeout: 60_000 }, async () => {
    const light = await lan.ask('server', { name: 'light', metadata: { group: 'a', weight: '1' } });
    const heavy = await lan.ask('server', { name: 'heavy', metadata: { group: 'b', weight: '3' } });
    const asleep = await lan.ask('server', { name: 'asleep', metadata: { state: 'inactive', weight: '9' } });
    await vi.waitFor(async () => expect(await lan.ask('goList', {})).toEqual({ [light]: 'group=a&weight=1', [heavy]: 'group=b&weight=3', [asleep]: 'state=inactive&weight=9' }), patience);
    await vi.waitFor(async () => expect(await lan.ask('goCalls', { count: 8 })).toEqual({ answers: { light: 4, heavy: 4 }, errors: [] }), patience);
    await vi.waitFor(async () => expect(await lan.ask('goCalls', { count: 8, weighted: true })).toEqual({ answers: { light: 2, heavy: 6 }, errors: [] }), patience);
    await vi.waitFor(async () => expect(await lan.ask('goCalls', { count: 8, group: 'b' })).toEqual({ answers: { heavy: 8 }, errors: [] }), patience);
    await lan.ask('stop', { name: 'heavy' });
    await vi.waitFor(async () => expect(Object.keys(await lan.ask('goList', {})).toSorted()).toEqual([light, asleep].toSorted()), patience);
    await vi.waitFor(async () => expect(await lan.ask('goCalls', { count: 8 })).toEqual({ answers: { light: 8 }, errors: [] }), patience);
  });

  it('both serve side by side, and a change of metadata is seen by TypeScript within 2 s, and by Go', { timeout: 60_000 }, async () => {
    await lan.ask('server', { name: 'typescript', metadata: { weight: '1' } });
    await lan.ask('goServer', { name: 'go' });
    await vi.waitFor(async () => expect(await lan.ask('calls', { count: 8 })).toEqual({ go: 4, typescript: 4 }), patience);
    await vi.waitFor(async () => expect(await lan.ask('goCalls', { count: 8 })).toEqual({ answers: { go: 4, typescript: 4 }, errors: [] }), patience);
    await lan.ask('advertise', { name: 'typescript', metadata: { state: 'inactive' } });
    await vi.waitFor(async () => expect(await lan.ask('calls', { count: 8 })).toEqual({ go: 8 }), { timeout: 2000, interval: 20 });
    await vi.waitFor(async () => expect(await lan.ask('goCalls', { count: 8 })).toEqual({ answers: { go: 8 }, errors: [] }), patience);
  });
}
