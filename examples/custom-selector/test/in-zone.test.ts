// The whole test of a selector: what everybody expects of one, from @rpcxjs/conformance, and what is particular about this one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conformsLine } from '@rpcxjs/conformance';
import { roundRobin } from '@rpcxjs/rpcx';
import { inZone } from '../src/index.ts';
import { cases } from './cases.ts';

const servers = [['a', 'us'], ['b', 'eu'], ['c', 'eu'], ['d', 'us']].map(([name, zone = '']) => ({ address: `tcp@${name}:8972`, metadata: { zone } }));
const call = { service: 'Shop', method: 'Price', input: undefined, metadata: {}, hashKey: undefined, avoid: undefined };

for (const one of cases) void test(one.name, one.run);
void test('stays in its zone, leaves it for want of servers, and comes back', () => {
  const selector = inZone('eu', roundRobin());
  const picker = selector.build(servers, undefined);
  const names = (count: number, from = picker, avoid: readonly string[] = []): string =>
    Array.from({ length: count }, () => from.pick({ ...call, avoid: new Set(avoid.map((name) => `tcp@${name}:8972`)) })?.instance.address[4]).join('');
  assert.equal(names(3), 'bcb');
  assert.equal(names(2, picker, ['c']), 'bb');
  assert.equal(names(2, picker, ['b', 'c']), 'ad');
  const abroad = selector.build(servers.filter(({ metadata }) => metadata.zone === 'us'), picker);
  assert.equal(names(3, abroad), 'ada');
  assert.equal(names(2, selector.build(servers, abroad)), 'bc');
});
void test('says at once what it cannot take', () => {
  assert.throws(() => inZone('', roundRobin()), TypeError);
});
void test('says that it conforms', () => console.log(conformsLine('inZone', cases)));
