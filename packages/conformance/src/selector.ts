import type { Pick, Picker, PickInfo, Selector, ServiceInstance } from '@rpcxjs/core';
import { claim, conformanceCase } from './case.ts';
import type { ConformanceCase } from './case.ts';
import { show } from './compare.ts';

export interface SelectorSupports {
  /** A call that has tried a server is given another one. @default true */
  readonly avoids?: boolean | undefined;
  /** Over many calls with different keys every server of equal standing is chosen. @default true */
  readonly spreads?: boolean | undefined;
  /** Calls with one key go to one server. @default false */
  readonly keys?: boolean | undefined;
}

export interface SelectorCasesOptions {
  /** Makes the selector; called once for each case. */
  readonly create: () => Selector;
  /** What it can do. */
  readonly supports?: SelectorSupports | undefined;
  /** The deadline of each case in milliseconds. @default 10000 */
  readonly deadlineMs?: number | undefined;
}

const late = 'the selector did not return';

/** The cases that every selector must pass. Give them to any test runner: `for (const one of selectorCases({ … })) it(one.name, one.run)`. */
export function selectorCases(options: SelectorCasesOptions): ConformanceCase[] {
  const { create, supports = {}, deadlineMs = 10_000 } = options;
  const test = (name: string, check: (selector: Selector) => void, skip?: string): ConformanceCase => {
    return conformanceCase(`selector ${create().name}: ${name}`, { late, skip, deadlineMs }, () => check(create()));
  };
  const avoids = supports.avoids === false ? 'it does not support avoids' : undefined;
  const spreads = supports.spreads === false ? 'it does not support spreads' : undefined;
  const keys = supports.keys === true ? undefined : 'it does not support keys';
  return [
    test('has a name', ({ name }) => claim(typeof name === 'string' && name !== '', `its name is ${show(name)}`)),
    test('finds nobody in an empty list', empty),
    test('takes the only server, also for a call that has used it up', onlyOne),
    test('picks 10 000 times, nobody outside the list', (selector) => insideTheList(selector, list(5))),
    test('picks from 1000 servers, nobody outside the list', (selector) => insideTheList(selector, list(1000))),
    test('chooses each of them at some time', spread, spreads),
    test('gives a call another server than those it has used up', avoid, avoids),
    test('gives a call that has used up all servers one of them', allAvoided),
    test('sends equal keys to one server', equalKeys, keys),
    test('follows a list that changes, and leaves the old picker with the old list', follows),
    test('gives the metadata of the newest list', freshMetadata),
    test('builds behind pickers that it did not make', foreign),
    test('leaves the list and the call as they were', frozen),
    test('bears to be told the outcome of each pick, also after the list has changed', outcomes),
    test('bears metadata that nobody meant', hostileMetadata),
    test('bears addresses that come twice and out of order', duplicates),
    test('bears any input, key and avoided address', oddCalls),
  ];
}

function list(count: number): readonly ServiceInstance[] {
  return Array.from({ length: count }, (_, index) => server(`memory@${String(index).padStart(4, '0')}`));
}

function server(address: string, metadata: ServiceInstance['metadata'] = {}): ServiceInstance {
  return Object.freeze({ address, metadata: Object.freeze(metadata) });
}

function info(change: Partial<PickInfo> = {}): PickInfo {
  return { service: 'Arith', method: 'Mul', input: { a: 1 }, metadata: {}, hashKey: undefined, avoid: undefined, ...change };
}

/** One pick, and told that it went well. */
function picked(picker: Picker, change: Partial<PickInfo> = {}): string | undefined {
  const pick = picker.pick(info(change));
  pick?.done?.({ error: undefined, durationMs: 1 });
  return pick?.instance.address;
}

function mustBeOf(instances: readonly ServiceInstance[], address: string | undefined, when: string): void {
  claim(address !== undefined, `${when} it picked nobody from a list of ${instances.length}`);
  claim(instances.some((instance) => instance.address === address), `${when} it picked ${show(address)}, which is not in the list`);
}

function empty(selector: Selector): void {
  const picker = selector.build([], undefined);
  for (const avoid of [undefined, new Set(['memory@0000'])]) {
    const pick = picker.pick(info({ avoid }));
    claim(pick === undefined, `from an empty list it picked ${show(pick === null ? null : pick?.instance.address)} instead of undefined`);
  }
  const emptied = selector.build([], selector.build(list(3), picker));
  claim(emptied.pick(info()) === undefined, 'from a list that has become empty it picked somebody');
}

function onlyOne(selector: Selector): void {
  const one = list(1);
  const picker = selector.build(one, undefined);
  for (const avoid of [undefined, new Set<string>(), new Set(['memory@0000']), new Set(['memory@gone'])]) {
    mustBeOf(one, picked(picker, { avoid }), `with ${avoid?.size ?? 'nothing'} avoided`);
  }
}

function insideTheList(selector: Selector, instances: readonly ServiceInstance[]): void {
  const known = new Set(instances.map(({ address }) => address));
  const picker = selector.build(instances, undefined);
  for (let count = 0; count < 10_000; count++) {
    const address = picked(picker, { hashKey: `key ${count}`, input: count });
    claim(address !== undefined, `pick ${count + 1} found nobody in a list of ${instances.length}`);
    claim(known.has(address), `pick ${count + 1} was ${show(address)}, which is not in the list`);
  }
}

function spread(selector: Selector): void {
  const instances = list(5);
  const picker = selector.build(instances, undefined);
  const found = new Set<string | undefined>();
  for (let count = 0; count < 10_000; count++) found.add(picked(picker, { hashKey: `key ${count}` }));
  for (const { address } of instances) claim(found.has(address), `${address} was never chosen in 10 000 picks with different keys`);
}

function avoid(selector: Selector): void {
  const instances = list(6);
  const picker = selector.build(instances, undefined);
  for (let round = 0; round < 200; round++) {
    const used = new Set<string>();
    while (used.size < instances.length) {
      const address = picked(picker, { avoid: used, hashKey: `key ${round}` });
      mustBeOf(instances, address, `with ${used.size} servers used up`);
      claim(!used.has(address as string), `with ${used.size} of ${instances.length} servers used up it picked ${show(address)}, one of those`); // mustBeOf has seen it
      used.add(address as string); // likewise
    }
  }
}

function allAvoided(selector: Selector): void {
  const instances = list(4);
  const picker = selector.build(instances, undefined);
  const all = new Set([...instances.map(({ address }) => address), 'memory@gone']);
  for (let count = 0; count < 100; count++) mustBeOf(instances, picked(picker, { avoid: all, hashKey: `key ${count}` }), 'with all used up');
}

function equalKeys(selector: Selector): void {
  const instances = list(7);
  const [picker, again] = [selector.build(instances, undefined), selector.build(instances, undefined)];
  for (let count = 0; count < 1000; count++) {
    const hashKey = `key ${count}`;
    const [first, second, other] = [picked(picker, { hashKey }), picked(picker, { hashKey, input: count }), picked(again, { hashKey })];
    claim(first === second && first === other, `the key ${show(hashKey)} went to ${show(first)}, ${show(second)} and, in another picker of the same list, ${show(other)}`);
  }
}

function follows(selector: Selector): void {
  const all = list(12);
  let picker = selector.build(all.slice(0, 4), undefined);
  for (let round = 0; round < 60; round++) {
    const before = all.filter((_, index) => (index * 7 + round) % 3 !== 0);
    const old = selector.build(before, picker);
    const after = all.filter((_, index) => (index * 5 + round) % 4 !== 1);
    picker = selector.build(after, old);
    for (let count = 0; count < 40; count++) {
      mustBeOf(after, picked(picker, { hashKey: `key ${count}` }), `after change ${round + 1} of the list`);
      mustBeOf(before, picked(old, { hashKey: `key ${count}` }), `after change ${round + 1} of the list the picker of the old one did not keep to it:`);
    }
  }
}

function freshMetadata(selector: Selector): void {
  let picker: Picker | undefined;
  for (let version = 0; version < 5; version++) {
    const instances = list(3).map(({ address }) => server(address, { version: String(version) }));
    picker = selector.build(instances, picker);
    for (let count = 0; count < 50; count++) {
      const pick = picker.pick(info({ hashKey: `key ${count}` }));
      pick?.done?.({ error: undefined, durationMs: 1 });
      const found = pick?.instance.metadata['version'];
      claim(found === String(version), `the list says version ${version} of each server, the pick says ${show(found)}`);
    }
  }
}

function foreign(selector: Selector): void {
  const instances = list(3);
  const stranger: Picker = Object.freeze({ pick: () => ({ instance: server('memory@stranger') }) });
  const empty = Object.create(null) as Picker; // made to surprise
  for (const previous of [stranger, empty, new Proxy(stranger, {})]) {
    const picker = selector.build(instances, previous);
    for (let count = 0; count < 50; count++) mustBeOf(instances, picked(picker, { hashKey: `key ${count}` }), 'behind a picker of another selector');
  }
}

function frozen(selector: Selector): void {
  const instances = Object.freeze(['memory@c', 'memory@a', 'memory@b'].map((address) => server(address, { weight: '2' })));
  const before = JSON.stringify(instances);
  const picker = selector.build(instances, undefined);
  const used: ReadonlySet<string> = new Set(['memory@a']);
  const call = Object.freeze(info({ metadata: Object.freeze({}), avoid: used }));
  for (let count = 0; count < 50; count++) mustBeOf(instances, picker.pick(call)?.instance.address, 'from a frozen list');
  claim(JSON.stringify(instances) === before && used.size === 1, 'it changed the list or what is avoided');
}

function outcomes(selector: Selector): void {
  const instances = list(4);
  let picker = selector.build(instances, undefined);
  const open: Pick[] = [];
  const errors = [undefined, new Error('refused'), undefined, null, 'text'];
  for (let count = 0; count < 2000; count++) {
    if (count % 100 === 99) picker = selector.build(count % 200 === 199 ? instances : instances.slice(1), picker);
    const pick = picker.pick(info({ hashKey: `key ${count}` }));
    mustBeOf(instances, pick?.instance.address, 'between outcomes');
    open.push(pick as Pick); // mustBeOf has seen it
    const ended = count % 3 === 0 ? open.shift() : open.pop();
    if (count % 7 !== 0) ended?.done?.({ error: errors[count % errors.length], durationMs: count % 11 === 0 ? 0 : count });
    else if (ended !== undefined) open.push(ended);
  }
  for (const pick of open) pick.done?.({ error: undefined, durationMs: 5 });
  mustBeOf(instances, picked(picker), 'after all outcomes');
}

const hostile = ['-1', 'NaN', '1e9', '1000000000', '999999999999999999999999', '', ' ', '0', '0.5', 'Infinity', '😀', '0x10'];

function hostileMetadata(selector: Selector): void {
  const values = [...hostile, hostile, [], ['0', '7']];
  const sets = values.map((value) => server(`memory@${JSON.stringify(value)}`, { weight: value, latitude: value, longitude: value, state: value, group: value }));
  const odd = [server('memory@bare', Object.create(null) as ServiceInstance['metadata']), server('memory@proto', JSON.parse('{"__proto__":"1","constructor":"2"}') as ServiceInstance['metadata'])]; // as a registry may parse them
  const mixed = [...sets, ...odd];
  for (const instances of [mixed, ...mixed.map((one) => [one]), mixed.map(({ address }) => server(address, { weight: '0' }))]) {
    const picker = selector.build(instances, undefined);
    for (let count = 0; count < 200; count++) mustBeOf(instances, picked(picker, { hashKey: `key ${count}` }), 'with metadata that nobody meant');
  }
}

function duplicates(selector: Selector): void {
  const instances = ['memory@b', 'memory@a', 'memory@b', 'memory@c', 'memory@a', 'memory@b'].map((address, index) => server(address, { weight: String(index) }));
  let picker = selector.build(instances, undefined);
  for (let count = 0; count < 300; count++) {
    if (count % 50 === 49) picker = selector.build(instances.slice(count % 3), picker);
    mustBeOf(instances, picked(picker, { hashKey: `key ${count}`, avoid: count % 2 === 0 ? undefined : new Set(['memory@b']) }), 'from a list with one address three times');
  }
}

function oddCalls(selector: Selector): void {
  const instances = list(3);
  const cycle: unknown[] = [];
  cycle.push(cycle);
  const picker = selector.build(instances, undefined);
  const inputs = [undefined, null, Number.NaN, 1n, '\ud800', Symbol('x'), () => 1, cycle, new Map([[1, cycle]]), new Uint8Array(3), new Date(Number.NaN), Object.create(null) as unknown];
  for (const input of inputs) {
    for (const hashKey of [undefined, '', '\udfff', 'x'.repeat(10_000)]) mustBeOf(instances, picked(picker, { input, hashKey, service: '', method: '' }), `with the input ${typeof input}`);
  }
  mustBeOf(instances, picked(picker, { avoid: new Set(['', 'memory@gone', '__proto__']) }), 'with unknown addresses avoided');
}
