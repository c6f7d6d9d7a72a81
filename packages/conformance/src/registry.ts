import { RpcError } from '@rpcxjs/core';
import type { Discovery, InstanceMetadata, Lease, Registration, Registry } from '@rpcxjs/core';
import { claim, conformanceCase, within } from './case.ts';
import type { ConformanceCase } from './case.ts';
import { same, show } from './compare.ts';
import { CountingRuntime, ListReader } from './list-reader.ts';

/** A registry and a discovery that sees what it registers; they may be one value. */
export interface RegistryRig {
  readonly registry: Registry;
  readonly discovery: Discovery;
  /** Ends what `create` began, behind `close` of the registry. */
  close?(): void | Promise<void>;
}

/** What a registry can do. Each is assumed; set the ones to false that it cannot. */
export interface RegistrySupports {
  /** Names of services and metadata may be any text. @default true */
  readonly anyText?: boolean | undefined;
  /** Several registrations of one service at one address are one instance, which is listed until all of them are released. @default true */
  readonly sharedAddress?: boolean | undefined;
  /** The discovery goes on when the registry was closed. @default true */
  readonly discoveryOutlives?: boolean | undefined;
}

export interface RegistryCasesOptions {
  /** Makes the registry and a discovery over the same backend, which is empty; called once for each case. */
  readonly create: () => RegistryRig | Promise<RegistryRig>;
  /** What it can do; each is assumed. */
  readonly supports?: RegistrySupports | undefined;
  /** The deadline of each case in milliseconds: how long a change may take to be seen, several times. @default 5000 */
  readonly deadlineMs?: number | undefined;
}

interface Rule {
  readonly name: string;
  readonly late: string;
  readonly needs?: keyof RegistrySupports | undefined;
  check(bench: Bench): Promise<void>;
}

const service = 'Conformance';
const first = 'tcp@192.0.2.1:8972';
const second = 'tcp@192.0.2.2:8972';

class Bench {
  readonly rig: RegistryRig;
  readonly readers: ListReader[] = [];
  readonly runtime: CountingRuntime = new CountingRuntime();
  readonly #patienceMs: number;

  constructor(rig: RegistryRig, deadlineMs: number) {
    this.rig = rig;
    this.#patienceMs = deadlineMs * 0.8;
  }
  register(address: string, metadata: InstanceMetadata = {}, name: string = service): Promise<Lease> {
    return this.rig.registry.register(registration(address, metadata, name), { runtime: this.runtime });
  }
  read(name: string = service): ListReader {
    const reader = new ListReader(this.rig.discovery, name, this.#patienceMs);
    this.readers.push(reader);
    return reader;
  }
  /** After the deadline, too. */
  close(deadlineMs: number): Promise<void> {
    return within(deadlineMs, 'close() of the registry did not settle, or a reader did not end', async () => {
      await Promise.all(this.readers.map((reader) => reader.close()));
      await this.rig.registry.close();
      await this.rig.close?.();
    });
  }
}

function registration(address: string, metadata: InstanceMetadata, name: string): Registration {
  return { service: name, instance: { address, metadata }, rates: () => ({ calls: 1, connections: 1 }) };
}

/** The metadata that were registered, without what a registry adds with each refresh. */
function registered(metadata: InstanceMetadata | undefined): object {
  const { calls: _calls, connections: _connections, ...rest } = metadata ?? {};
  return rest;
}

async function refused(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    claim(RpcError.is(error) && error.reason === 'CLOSED', `${what} was refused with ${show(error)} (${String(error)}) instead of an RpcError with reason CLOSED`);
    return;
  }
  claim(false, `${what} was not refused; nobody would learn that it did nothing`);
}

const unseen = 'a change has not been seen by the discovery';

const rules: readonly Rule[] = [
  { name: 'what is registered is found, until it is released', late: unseen, async check(bench) {
    const early = bench.read();
    const lease = await bench.register(first);
    await early.untilNames(first);
    await bench.read().untilNames(first);
    const other = await bench.register(second);
    await early.untilNames(first, second);
    await lease.release();
    await early.untilNames(second);
    await other.release();
    await early.untilNames();
  } },
  { name: 'metadata are found as they were registered, repeated keys in their order', late: unseen, async check(bench) {
    const metadata = { weight: '3', group: ['b', 'a'], state: 'active', text: 'ß & = + % ; "' };
    await bench.register(first, metadata);
    const [instance] = await bench.read().untilNames(first);
    claim(same(registered(instance?.metadata), metadata), `it is found with the metadata ${show(instance?.metadata)} instead of ${show(metadata)}`);
  } },
  { name: 'an update changes the metadata and nothing else', late: unseen, async check(bench) {
    const lease = await bench.register(first, { weight: '3', group: 'a' });
    await bench.register(second, { weight: '5' });
    const reader = bench.read();
    await reader.untilNames(first, second);
    await lease.update({ weight: '0', state: 'inactive' });
    const list = await reader.until('weight=0, state=inactive', (one) => one.some(({ metadata }) => metadata['state'] === 'inactive'));
    const found = list.map(({ address, metadata }) => [address, registered(metadata)]).sort();
    claim(same(found, [[first, { weight: '0', state: 'inactive' }], [second, { weight: '5' }]]), `after an update of ${first} the list is ${show(found)}`);
  } },
  { name: 'a release settles again and again, and so does its disposer', late: 'release() did not settle', async check(bench) {
    const lease = await bench.register(first);
    const other = await bench.register(second);
    const reader = bench.read();
    await reader.untilNames(first, second);
    await Promise.all([lease.release(), lease.release()]);
    await lease.release();
    await other[Symbol.asyncDispose]();
    await reader.untilNames();
    await other.release();
  } },
  { name: 'a lease that was released cannot be updated, and does not come back', late: 'update() of a released lease did not settle', async check(bench) {
    const lease = await bench.register(first);
    const reader = bench.read();
    await reader.untilNames(first);
    await lease.release();
    await refused('an update of a released lease', () => lease.update({ weight: '1' }));
    await bench.register(second);
    await reader.untilNames(second);
  } },
  { name: 'services are kept apart', late: unseen, async check(bench) {
    await bench.register(first);
    const lease = await bench.register(first, { weight: '2' }, 'Conformance2');
    await bench.register(second, {}, 'Conformance2');
    const [one, other] = [bench.read(), bench.read('Conformance2')];
    await one.untilNames(first);
    await other.untilNames(first, second);
    await lease.release();
    await other.untilNames(second);
    await bench.read().untilNames(first);
  } },
  { name: 'two registrations at one address are one instance, until both are released', late: unseen, needs: 'sharedAddress', async check(bench) {
    const older = await bench.register(first, { weight: '1' });
    const newer = await bench.register(first, { weight: '2' });
    const reader = bench.read();
    await reader.untilNames(first);
    await older.release();
    await bench.register(second);
    await reader.untilNames(first, second);
    await newer.release();
    await reader.untilNames(second);
  } },
  { name: 'what was registered is not changed by whoever registered it', late: unseen, async check(bench) {
    const metadata: Record<string, string> = { weight: '1' };
    await bench.register(first, metadata);
    metadata['weight'] = '2';
    const [instance] = await bench.read().untilNames(first);
    claim(instance?.metadata['weight'] === '1', `its weight became ${show(instance?.metadata['weight'])} when the object was changed that it was registered with; copy it, and change it by update()`);
  } },
  { name: 'a signal that has aborted before registers nothing', late: 'register() with an aborted signal did not settle', async check(bench) {
    const reason = new Error('before the beginning');
    const thrown = await bench.rig.registry.register(registration(first, {}, service), { signal: AbortSignal.abort(reason), runtime: bench.runtime }).then(() => undefined, (error: unknown) => error);
    claim(thrown === reason, `register() gave ${show(thrown)} instead of rejecting with the signal's reason`);
    await bench.register(second);
    await bench.read().untilNames(second);
  } },
  { name: 'a signal that aborts after the registration leaves it alone', late: unseen, async check(bench) {
    const controller = new AbortController();
    await bench.rig.registry.register(registration(first, {}, service), { signal: controller.signal, runtime: bench.runtime });
    controller.abort();
    await bench.register(second);
    await bench.read().untilNames(first, second);
  } },
  { name: 'an address that is none is refused', late: 'register() of no address did not settle', async check(bench) {
    for (const address of ['', 'tcp@', '@192.0.2.1:8972']) {
      const thrown = await bench.register(address).then(() => undefined, (error: unknown) => error);
      claim(thrown instanceof TypeError || RpcError.is(thrown), `the address "${address}" gave ${show(thrown)} instead of a TypeError or RpcError; clients would have to sort it out`);
    }
  } },
  { name: 'any text may be the name of a service, or be in metadata', late: unseen, needs: 'anyText', async check(bench) {
    const metadata = Object.fromEntries([['__proto__', 'p'], ['constructor', 'c'], ['a=b&c', ' ;%zz\n'], ['ß', '€😀'], ['long', 'x'.repeat(10_000)]]);
    for (const name of ['__proto__', 'constructor', 'a/b', '../up', 'a b', 'ß€😀', '.']) {
      await bench.register(first, metadata, name);
      const [instance] = await bench.read(name).untilNames(first);
      claim(same(Object.entries(registered(instance?.metadata)).sort(), Object.entries(metadata).sort()), `of the service "${name}" it is found with ${show(instance?.metadata)} instead of ${show(metadata)}`);
    }
  } },
  { name: 'close() settles before the first use, twice, and with what is still registered', late: 'close() did not settle', async check(bench) {
    await bench.register(first);
    await Promise.all([bench.rig.registry.close(), bench.rig.registry.close()]);
    await bench.rig.registry[Symbol.asyncDispose]();
    await refused('a registration after close()', () => bench.register(second));
  } },
  { name: 'close() before the first use settles', late: 'close() before the first use did not settle', check: (bench) => bench.rig.registry.close() },
  { name: 'a lease may be released after close()', late: 'release() after close() did not settle', async check(bench) {
    const lease = await bench.register(first);
    await bench.rig.registry.close();
    await lease.release();
    await refused('an update after close()', () => lease.update({}));
  } },
  { name: 'close() takes away what is registered', late: unseen, needs: 'discoveryOutlives', async check(bench) {
    await bench.register(first);
    const reader = bench.read();
    await reader.untilNames(first);
    await bench.rig.registry.close();
    await reader.untilNames();
  } },
  { name: 'leaves no timer behind', late: 'close() did not settle', async check(bench) {
    await bench.register(first);
    await bench.rig.registry.close();
    claim(bench.runtime.armed === 0, `${bench.runtime.armed} timer(s) of its clock wait after close()`);
  } },
];

/** The cases that every registry must pass. Give them to any test runner: `for (const one of registryCases({ … })) it(one.name, one.run)`. */
export function registryCases(options: RegistryCasesOptions): ConformanceCase[] {
  const { create, supports = {}, deadlineMs = 5000 } = options;
  return rules.map((rule) => {
    const skip = rule.needs !== undefined && supports[rule.needs] === false ? `it does not support ${rule.needs}` : undefined;
    let bench: Bench | undefined;
    const one = conformanceCase(`registry: ${rule.name}`, { late: rule.late, skip, deadlineMs }, async () => rule.check((bench = new Bench(await create(), deadlineMs))));
    const run = async (): Promise<void> => {
      try {
        await one.run();
      } catch (error) {
        await bench?.close(deadlineMs).catch(() => {}); // what broke first says more
        throw error;
      }
      await bench?.close(deadlineMs);
    };
    return { ...one, run };
  });
}
