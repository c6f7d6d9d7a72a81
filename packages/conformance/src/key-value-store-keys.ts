import { claim } from './case.ts';
import { show } from './compare.ts';
import { base, is, ttlMs } from './key-value-store-rig.ts';
import type { StoreBench, StoreRule } from './key-value-store-rig.ts';

const late = 'an operation has not settled';
const first = 'tcp@192.0.2.1:8972';
const second = 'tcp@192.0.2.2:8972';

const hostileValues = [
  '', ' ', '0', 'null', '"', '{"Key":', '[1,2', '{"Key":"/a","Value":"eA==","LastIndex":1}', '__proto__', 'a=b&a=c&d=%zz;+', '\n\r\t', '\0', 'a\0b', '\u0001\u001f\u007f', 'ÿ\u0080þ', '€😀\u2028\uFEFF', '<a>&amp;', '$1 \\u0041 \\x00',
];
const patternKeys = ['*', '?', '[a-z]', '\\*', '{a,b}', '^.*$', 'a b', 'a+b', '%2F', '%', 'a=b&c', '#', '"', "'", '@', 'tcp@[::1]:8972', 'ß€', '__proto__', 'constructor', 'x'.repeat(200)];
const anyKeys = ['😀', '\u0001', '\n', '.', '..', '\u007f'];

async function eachKey(bench: StoreBench, names: readonly string[]): Promise<void> {
  const prefix = await bench.service();
  const wanted: [string, string][] = [];
  for (const name of names) {
    const entry: [string, string] = [`${prefix}${name}`, `of ${name}`];
    await bench.put(...entry);
    wanted.push(entry);
  }
  // Each is still what was written, so no key stood for another.
  for (const [key, value] of wanted) await bench.expect(key, value, true);
  await bench.expectList(prefix, Object.fromEntries(wanted), bench.other);
  await bench.read(prefix, bench.other).until(Object.fromEntries(wanted));
  for (const [key] of wanted.splice(0, wanted.length / 2)) claim(await bench.store.deleteOwned(key, bench.bounded), `deleteOwned(${show(key)}) did not find what putOwned() wrote`);
  await bench.expectList(prefix, Object.fromEntries(wanted));
}

const contents: readonly StoreRule[] = [
  { name: 'get() and list() say what was put, to both stores, and nothing of what was not', late, async check(bench) {
    const prefix = await bench.service();
    await bench.expectNothing(`${prefix}${first}`);
    await bench.expectList(prefix, {});
    await bench.put(`${prefix}${first}`, 'weight=3');
    await bench.put(`${prefix}${second}`, 'weight=5', bench.other);
    await bench.expect(`${prefix}${first}`, 'weight=3', true);
    for (const store of [bench.store, bench.other]) await bench.expectList(prefix, { [`${prefix}${first}`]: 'weight=3', [`${prefix}${second}`]: 'weight=5' }, store);
    await bench.expectNothing(`${prefix}tcp@192.0.2.1`);
  } },
  { name: 'list() of a service that nobody wrote is empty', late, check: (bench) => bench.expectList(`${base}/Nobody/`, {}) },
  { name: 'services whose names begin alike are kept apart', late, async check(bench) {
    const prefix = await bench.service('Arith');
    for (const name of ['Arith2', 'Arit', 'arith']) await bench.put(`${await bench.service(name)}${second}`, `of ${name}`);
    await bench.put(`${prefix}${first}`, 'of Arith');
    await bench.expectList(prefix, { [`${prefix}${first}`]: 'of Arith' });
    await bench.expectList(`${base}/Arith2/`, { [`${base}/Arith2/${second}`]: 'of Arith2' });
  } },
  { name: 'keys with characters of patterns, queries and other languages are themselves', late, check: (bench) => eachKey(bench, patternKeys) },
  { name: 'keys may have any characters', late, needs: 'anyKey', check: (bench) => eachKey(bench, anyKeys) },
  { name: 'keys may have slashes behind the prefix', late, needs: 'slashes', check: (bench) => eachKey(bench, ['unix@/run/a.sock', 'unix@/run/a.sock2', 'unix@//x']) },
  { name: 'values are any text, the empty one too', late, async check(bench) {
    const prefix = await bench.service();
    const wanted: Record<string, string> = {};
    for (const [at, value] of hostileValues.entries()) {
      const key = `${prefix}tcp@192.0.2.1:${9000 + at}`;
      await bench.put(key, value);
      await bench.expect(key, value, true);
      wanted[key] = value;
    }
    await bench.expectList(prefix, wanted, bench.other);
    await bench.read(prefix).until(wanted);
  } },
  { name: 'a value of 200 KiB is kept whole', late, async check(bench) {
    const prefix = await bench.service();
    const value = 'long=ß'.repeat(29_258);
    await bench.put(`${prefix}${first}`, value);
    await bench.expect(`${prefix}${first}`, value, false, bench.other);
    await bench.expectList(prefix, { [`${prefix}${first}`]: value });
    await bench.read(prefix, bench.other).until({ [`${prefix}${first}`]: value });
  } },
  { name: 'putPersistent() leaves alone what is there', late, async check(bench) {
    const prefix = await bench.service();
    await bench.store.putPersistent(`${base}/Arith`, 'something else', bench.bounded);
    await bench.other.putPersistent(`${base}/Arith`, 'something else', bench.bounded);
    await bench.expect(`${base}/Arith`, 'Arith', false);
    await bench.put(`${prefix}${first}`, 'ours');
    await bench.store.putPersistent(`${prefix}${first}`, 'something else', bench.bounded);
    await bench.expect(`${prefix}${first}`, 'ours', true);
  } },
  { name: 'what putPersistent() wrote is nobody\'s, and outlives the store', late, async check(bench) {
    await bench.service();
    await bench.expect(`${base}/Arith`, 'Arith', false);
    claim(!(await bench.store.deleteOwned(`${base}/Arith`, bench.bounded)), 'deleteOwned() deleted a persistent key');
    await bench.store.close();
    await bench.expect(`${base}/Arith`, 'Arith', false, bench.other);
  } },
];

const ownership: readonly StoreRule[] = [
  { name: 'owned is true for whoever wrote last, and false for the others', late, async check(bench) {
    const key = `${await bench.service()}${first}`;
    await bench.put(key, 'one');
    await bench.expect(key, 'one', true);
    await bench.expect(key, 'one', false, bench.other);
    await bench.put(key, 'two', bench.other);
    await bench.expect(key, 'two', false);
    await bench.expectForeign(key, true);
    await bench.expect(key, 'two', true, bench.other);
    await bench.put(key, 'three');
    await bench.expect(key, 'three', true);
    await bench.expectForeign(key, false);
    await bench.expect(key, 'three', false, bench.other);
  } },
  { name: 'putOwned() takes over a persistent key', late, async check(bench) {
    const key = `${await bench.service()}${first}`;
    await bench.other.putPersistent(key, 'of an operator', bench.bounded);
    await bench.expectForeign(key, false);
    await bench.put(key, 'ours');
    await bench.expect(key, 'ours', true);
    await bench.store.close();
    await bench.expectNothing(key, bench.other);
  } },
  { name: 'a key that was taken over stays when its former owner closes', late, async check(bench) {
    const key = `${await bench.service()}${first}`;
    await bench.put(key, 'one');
    await bench.put(key, 'two', bench.other);
    await bench.store.close();
    await bench.expect(key, 'two', true, bench.other);
  } },
  { name: 'each write makes another version, that of an equal value too', late, async check(bench) {
    const key = `${await bench.service()}${first}`;
    const seen = new Set<string>();
    for (const store of [bench.store, bench.store, bench.other, bench.store]) {
      await bench.put(key, 'the same', store);
      const version = await bench.expect(key, 'the same', store === bench.store);
      claim(!seen.has(version), `the version is ${show(version)} again after another write; putOwned() with ifVersion could not see that somebody came between`);
      seen.add(version);
      claim(version === await bench.expect(key, 'the same', store === bench.store), 'the version changes by itself; putOwned() with ifVersion would never write');
    }
    claim(await bench.store.deleteOwned(key, bench.bounded), 'deleteOwned() did not find what putOwned() wrote');
    await bench.put(key, 'the same', bench.other);
    claim(!seen.has(await bench.expect(key, 'the same', false)), 'a key that was deleted and written again has a version that it had before');
  } },
  { name: 'putOwned() with ifVersion writes what has that version still, and nothing else', late, async check(bench) {
    const key = `${await bench.service()}${first}`;
    await bench.put(key, 'one');
    const version = await bench.expect(key, 'one', true);
    claim(is(true, await bench.store.putOwned(key, 'two', { signal: bench.signal, ttlMs, ifVersion: version })), 'putOwned() with the version that get() said did not write');
    await bench.expect(key, 'two', true);
    await bench.put(key, 'of the other', bench.other);
    for (const ifVersion of [version, 'no version']) {
      const written = await bench.store.putOwned(key, 'three', { signal: bench.signal, ttlMs, ifVersion });
      claim(is(false, written), `putOwned() with a version that is past said ${show(written)} instead of false`);
    }
    await bench.expect(key, 'of the other', false);
    const newest = await bench.expect(key, 'of the other', true, bench.other);
    claim(is(true, await bench.store.putOwned(key, 'taken over', { signal: bench.signal, ttlMs, ifVersion: newest })), 'putOwned() with the version that get() said did not take over the key of the other store');
    await bench.expect(key, 'taken over', true);
  } },
  { name: 'putOwned() with ifVersion does not bring back a key that is gone', late, async check(bench) {
    const key = `${await bench.service()}${first}`;
    await bench.put(key, 'one');
    const ifVersion = await bench.expect(key, 'one', true);
    await bench.store.deleteOwned(key, bench.bounded);
    const written = await bench.store.putOwned(key, 'two', { signal: bench.signal, ttlMs, ifVersion });
    claim(is(false, written), `putOwned() with ifVersion said ${show(written)} of a key that is gone, instead of false`);
    await bench.expectNothing(key);
  } },
  { name: 'of two that write with one version, one writes', late, async check(bench) {
    const key = `${await bench.service()}${first}`;
    await bench.put(key, 'one');
    const ifVersion = await bench.expect(key, 'one', true);
    const written = await Promise.all([bench.store, bench.other].map((store, at) => store.putOwned(key, `two ${at}`, { signal: bench.signal, ttlMs, ifVersion })));
    claim(written.filter(Boolean).length === 1, `two putOwned() with one version at the same time said ${show(written)}; one of them must have come second`);
    await bench.expect(key, `two ${written.indexOf(true)}`, written[0] === true);
  } },
  { name: 'deleteOwned() deletes what is ours, and only that', late, async check(bench) {
    const key = `${await bench.service()}${first}`;
    claim(is(false, await bench.store.deleteOwned(key, bench.bounded)), 'deleteOwned() of a key that does not exist did not say false');
    await bench.put(key, 'of the other', bench.other);
    claim(is(false, await bench.store.deleteOwned(key, bench.bounded)), 'deleteOwned() of a key of the other store did not say false');
    await bench.expect(key, 'of the other', true, bench.other);
    await bench.put(key, 'ours');
    claim(is(false, await bench.other.deleteOwned(key, bench.bounded)), 'deleteOwned() of a key that was taken over did not say false');
    await bench.expect(key, 'ours', true);
    claim(is(true, await bench.store.deleteOwned(key, bench.bounded)), 'deleteOwned() of a key of our own did not say true');
    for (const store of [bench.store, bench.other]) await bench.expectNothing(key, store);
    claim(is(false, await bench.store.deleteOwned(key, bench.bounded)), 'deleteOwned() of a key that was deleted did not say false');
  } },
  { name: 'touchOwned() touches what is ours, and only that', late, needs: 'touchOwned', async check(bench) {
    const key = `${await bench.service()}${first}`;
    const touch = (): Promise<boolean | undefined> => Promise.resolve(bench.store.touchOwned?.(key, { signal: bench.signal, ttlMs }));
    claim(is(false, await touch()), 'touchOwned() of a key that does not exist did not say false');
    await bench.expectNothing(key);
    await bench.put(key, 'ours');
    claim(is(true, await touch()), 'touchOwned() of a key of our own did not say true');
    await bench.expect(key, 'ours', true);
    await bench.put(key, 'of the other', bench.other);
    claim(is(false, await touch()), 'touchOwned() of a key of the other store did not say false');
    await bench.expect(key, 'of the other', true, bench.other);
  } },
];

/** What one store reads is what the other wrote, and who owns it. */
export const keyRules: readonly StoreRule[] = [...contents, ...ownership];
