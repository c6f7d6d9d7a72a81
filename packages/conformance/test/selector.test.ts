import type { Pick, Picker, PickInfo, Selector, ServiceInstance } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { countCases, selectorCases, type SelectorSupports } from '../src/index.ts';

type Choose = (instances: readonly ServiceInstance[], info: PickInfo, turn: number) => Pick | undefined;

/** In turn, without what is avoided; a plain one that keeps all rules. */
const choose: Choose = (instances, { avoid }, turn) => {
  const left = instances.filter(({ address }) => avoid?.has(address) !== true);
  const from = left.length === 0 ? instances : left;
  const instance = from[turn % from.length];
  return instance && { instance };
};

function selector(how: Choose = choose, build?: (instances: readonly ServiceInstance[], previous: Picker | undefined) => readonly ServiceInstance[]): Selector {
  return {
    name: 'plain',
    build(instances, previous) {
      const list = build?.(instances, previous) ?? instances;
      let turn = 0;
      return { pick: (info) => how(list, info, turn++) };
    },
  };
}

/** How the case of a rule fails, if it does. */
async function failure(create: () => Selector, rule: string, supports: SelectorSupports = {}): Promise<string | undefined> {
  const [one, ...more] = selectorCases({ create, supports }).filter(({ name }) => name.replace(/^selector [^:]*: /, '').startsWith(rule));
  if (one === undefined || more.length > 0) throw new Error(`${more.length + 1} cases begin with "${rule}"`);
  return one.run().then(() => undefined, (error: Error) => error.message);
}

describe('a plain selector', () => {
  for (const one of selectorCases({ create: () => selector() })) it(one.name, one.run);
  it('runs all cases but that of keys', () => expect(countCases(selectorCases({ create: () => selector() }))).toMatchObject({ run: 16, skipped: 1 }));
});

const stranger: ServiceInstance = { address: 'memory@stranger', metadata: {} };
let newest: readonly ServiceInstance[] = [];

describe('a selector that breaks a rule fails the case of that rule', () => {
  const rows: readonly (readonly [string, () => Selector, string, SelectorSupports?])[] = [
    ['has no name', () => ({ ...selector(), name: '' }), 'has a name'],
    ['picks from an empty list', () => selector((list, info, turn) => choose(list, info, turn) ?? { instance: stranger }), 'finds nobody in an empty list'],
    ['finds nobody when all are avoided', () => selector((list, { avoid }) => pickOf(list.find(({ address }) => avoid?.has(address) !== true))), 'takes the only server'],
    ['makes up a server', () => selector((list, info, turn) => (turn === 9000 ? { instance: stranger } : choose(list, info, turn))), 'picks 10 000 times'],
    ['is lost among many', () => selector((list, info, turn) => choose(list.length > 500 ? [...list, stranger] : list, info, turn)), 'picks from 1000 servers'],
    ['forgets the last one', () => selector((list, info, turn) => choose(list.length > 1 ? list.slice(0, -1) : list, { ...info, avoid: undefined }, turn)), 'chooses each of them'],
    ['does not look at avoid', () => selector((list, info) => choose(list, { ...info, avoid: undefined }, 0)), 'gives a call another server'],
    ['gives up when several are used up', () => selector((list, info, turn) => ((info.avoid?.size ?? 0) > 3 ? undefined : choose(list, info, turn))), 'gives a call that has used up all servers'],
    ['does not look at keys', () => selector(), 'sends equal keys to one server', { keys: true }],
    ['picks from the newest list always', () => selector((_list, info, turn) => choose(newest, info, turn), (list) => (newest = list)), 'follows a list that changes'],
    ['keeps the metadata of an old list', () => {
      const known = new Map<string, ServiceInstance>();
      return selector(choose, (list) => list.map((one) => known.get(one.address) ?? (known.set(one.address, one), one)));
    }, 'gives the metadata of the newest list'],
    ['asks the picker before it', () => selector(choose, (list, previous) => (previous === undefined || previous.pick({} as PickInfo) === undefined ? list : list)), 'builds behind pickers'],
    ['sorts the list in its place', () => selector(choose, (list) => (list as ServiceInstance[]).sort()), 'leaves the list and the call'],
    ['throws when it is told of an error', () => selector((list, info, turn) => {
      const pick = choose(list, info, turn);
      return pick && { ...pick, done: ({ error }) => { if (error === null) throw new Error('null is no error'); } };
    }), 'bears to be told the outcome'],
    ['takes weights as they come', () => selector(choose, (list) => list.flatMap((one) => new Array<ServiceInstance>(Number(one.metadata['weight'] ?? 1)).fill(one))), 'bears metadata that nobody meant'],
    ['cannot bear twins', () => selector(choose, (list) => {
      if (new Set(list.map(({ address }) => address)).size < list.length) throw new Error('twins');
      return list;
    }), 'bears addresses that come twice'],
    ['hashes the input as JSON', () => selector((list, info, turn) => choose(list, info, turn + (JSON.stringify(info.input) ?? '').length)), 'bears any input'],
  ];
  for (const [what, create, rule, supports] of rows) {
    it(what, async () => expect(await failure(create, rule, supports)).toEqual(expect.any(String)));
  }
});

function pickOf(instance: ServiceInstance | undefined): Pick | undefined {
  return instance && { instance };
}
