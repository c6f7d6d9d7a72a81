import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { at, avoiding, counts, row } from '../test/picking.ts';
import { closest, distance } from './closest.ts';

const place = (name: string, latitude: string, longitude: string) => at(name, { latitude, longitude });
const berlin = { latitude: 52.52, longitude: 13.405 };
const list = [place('hamburg', '53.55', '9.99'), place('munich', '48.14', '11.58'), place('paris', '48.85', '2.35'), at('nowhere'), place('wrong', '91', 'east'), at('half', { latitude: '52.5' })];

describe('closest', () => {
  it('measures along the great circle', () => {
    expect(distance({ latitude: 0, longitude: 0 }, { latitude: 0, longitude: 180 })).toBeCloseTo(Math.PI * 6_378_100, 3);
    expect(distance({ latitude: 0, longitude: 0 }, { latitude: 0, longitude: 1 })).toBeCloseTo((Math.PI / 180) * 6_378_100, 3);
    expect(distance({ latitude: 10, longitude: 179.5 }, { latitude: 10, longitude: -179.5 })).toBeLessThan(111_000);
    expect(distance(berlin, berlin)).toBe(0);
  });

  it('takes the nearest, then the next, and never one without a position', () => {
    const picker = closest(berlin).build(list, undefined);
    expect(row(picker, 3)).toBe('hamburg hamburg hamburg');
    expect(row(picker, 1, avoiding('hamburg'))).toBe('munich');
    expect(row(picker, 1, avoiding('hamburg', 'munich'))).toBe('paris');
    expect(row(picker, 1, avoiding('hamburg', 'munich', 'paris'))).toBe('hamburg');
  });

  it('draws evenly among equals, without those that a call has used up', () => {
    const equals = ['a', 'b', 'c'].map((name) => place(name, '52', '13'));
    const picker = closest({ ...berlin, random: seededRandom(1) }).build([...equals, ...list], undefined);
    const found = counts(picker, 30_000);
    expect(Object.keys(found).sort()).toEqual(['a', 'b', 'c']);
    for (const count of Object.values(found)) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    expect(Object.keys(counts(picker, 100, () => avoiding('b'))).sort()).toEqual(['a', 'c']);
  });

  it('D11: takes any when no server says where it is', () => {
    const found = counts(closest({ ...berlin, random: seededRandom(2) }).build([at('a'), at('b'), place('c', 'NaN', '')], undefined), 30_000);
    for (const count of Object.values(found)) expect(Math.abs(count / 30_000 - 1 / 3)).toBeLessThan(0.02);
    expect(Object.keys(found)).toHaveLength(3);
  });

  it('moves to a nearer server when one comes, and back when it goes', () => {
    const selector = closest(berlin);
    const first = selector.build(list, undefined);
    const second = selector.build([...list, place('potsdam', '52.39', '13.06')], first);
    expect([row(first, 1), row(second, 1), row(selector.build(list, second), 1)]).toEqual(['hamburg', 'potsdam', 'hamburg']);
  });

  it.each([[Number.NaN, 0], [91, 0], [0, 181], ['1', 0], [undefined, undefined]])('refuses the position %j, %j', (latitude, longitude) => {
    expect(() => closest({ latitude, longitude } as never)).toThrow(TypeError);
  });
});
