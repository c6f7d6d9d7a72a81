import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { Client, ClientOptions, Discovery, Registry, Server } from '@rpcxjs/rpcx';
import { createClient, createServer, weightedRoundRobin } from '@rpcxjs/rpcx';
import type { RegistryServer } from '@rpcxjs/registry-servers';
import { GoConsumer, startGoProvider, type GoConsumerTally, type GoListener, type GoPlace } from '../../src/index.ts';

type OpenRegistry = Registry & Discovery;

/** What differs from one registry to another. */
export interface EstateRig {
  readonly kind: GoPlace['kind'];
  /** Starts the real server; none for mDNS. */
  readonly start: () => Promise<RegistryServer>;
  readonly open: (address: string, base: string) => OpenRegistry;
  /** Go's UpdateInterval in milliseconds. */
  readonly everyMs: number;
  /** Milliseconds after which a Go server that was killed is gone at the latest. */
  readonly goTtlMs: number;
  /** Go's client hears when metadata change. @default true */
  readonly goHearsMetadata?: boolean;
  /** Only whether Go and TypeScript find each other: the rest is as in another layout. @default false */
  readonly brief?: boolean;
}

interface Where {
  Who(args: { ID: number }): Promise<{ From: string }>;
}

/** One registry, and whoever lives by it in one test. */
class Estate {
  readonly #open: AsyncDisposable[] = [];
  readonly #rig: EstateRig;
  readonly #address: string;
  readonly #base: string;

  constructor(rig: EstateRig, address: string, base: string) {
    this.#rig = rig;
    this.#address = address;
    this.#base = base;
  }

  get place(): GoPlace {
    return { kind: this.#rig.kind, registry: this.#address, base: this.#base };
  }
  keep<T extends AsyncDisposable>(what: T): T {
    this.#open.push(what);
    return what;
  }
  registry(): OpenRegistry {
    return this.keep(this.#rig.open(this.#address, this.#base));
  }
  async server(name: string, metadata: Readonly<Record<string, string>> = {}): Promise<{ readonly server: Server; readonly address: string }> {
    const server = createServer({ registries: [this.registry()], advertise: { metadata } });
    server.register('Where', { Who: () => ({ From: name }) }, { methods: ['Who'] });
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    this.keep({ [Symbol.asyncDispose]: () => server.close({ graceMs: 0, lameDuckMs: 0 }) });
    return { server, address };
  }
  async provider(name: string, metadata = ''): Promise<GoListener> {
    return this.keep(await startGoProvider({ ...this.place, name, metadata, everyMs: this.#rig.everyMs }));
  }
  async consumer(options: { readonly group?: string; readonly weighted?: boolean } = {}): Promise<GoConsumer> {
    return this.keep(await GoConsumer.start({ ...this.place, ...options }));
  }
  client(options: Partial<ClientOptions> = {}): Client {
    return this.keep(createClient({ discovery: this.registry(), ...options }));
  }
  async close(): Promise<void> {
    for (const each of this.#open.splice(0).reverse()) await each[Symbol.asyncDispose]();
  }
}

/** Who answers so many calls of a TypeScript client; a call that fails counts as its error. */
async function whoAnswers(client: Client, count = 20, group?: string): Promise<Readonly<Record<string, number>>> {
  const where = client.service<Where>('Where', group === undefined ? {} : { group });
  const answers: Record<string, number> = {};
  for (let id = 0; id < count; id++) {
    const name = await where.Who({ ID: id }).then(({ From }) => From, (error: { reason?: string }) => String(error.reason));
    answers[name] = (answers[name] ?? 0) + 1;
  }
  return answers;
}

/** Who answered how often, up to a few. */
function expectShares({ answers, errors }: GoConsumerTally, expected: Readonly<Record<string, number>>): void {
  expect(errors).toEqual([]);
  expect(Object.keys(answers).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [name, count] of Object.entries(expected)) expect(Math.abs((answers[name] ?? 0) - count), JSON.stringify(answers)).toBeLessThanOrEqual(3);
}

/** The same registry, used by Go and TypeScript at the same time, each as its own documentation says. */
export function estateTests(rig: EstateRig): void {
  const patience = { timeout: rig.everyMs + 8000, interval: 50 };
  let server: RegistryServer;
  let estates: Estate[] = [];
  let made = 0;
  beforeAll(async () => {
    server = await rig.start();
  }, 60_000);
  afterAll(() => server.stop());
  afterEach(async () => {
    for (const each of estates.splice(0)) await each.close();
    estates = [];
  }, 60_000);
  const estate = (): Estate => {
    const one = new Estate(rig, server.address, `/estate_${rig.kind.replace('-', '_')}_${made++}`);
    estates.push(one);
    return one;
  };

  it('TypeScript finds a Go server, sees it go, and honours its group, state and weight', { timeout: 120_000 }, async () => {
    const here = estate();
    const plain = here.client();
    await here.provider('light', 'group=a&weight=1');
    const heavy = await here.provider('heavy', 'group=a&group=b&weight=3');
    await here.provider('asleep', 'group=a&state=inactive&weight=9');
    await vi.waitFor(async () => expect(Object.keys(await whoAnswers(plain)).toSorted()).toEqual(['heavy', 'light']), patience);
    // Go may write an entry an interval after it listens.
    const weighted = here.client({ selector: weightedRoundRobin() });
    await vi.waitFor(async () => expect(await whoAnswers(weighted, 8)).toEqual({ light: 2, heavy: 6 }), patience);
    expect(await whoAnswers(plain, 8, 'b')).toEqual({ heavy: 8 });
    await heavy.process.stop();
    await vi.waitFor(() => expect(plain.nodes().map(({ address }) => address)).not.toContain(heavy.address), { timeout: rig.goTtlMs, interval: 50 });
    expect(await whoAnswers(plain)).toEqual({ light: 20 });
  });

  it('Go finds a TypeScript server, sees it go, and honours its group, state and weight', { timeout: 120_000 }, async () => {
    const here = estate();
    await here.server('light', { group: 'a', weight: '1' });
    const heavy = await here.server('heavy', { group: 'b', weight: '3' });
    await here.server('asleep', { state: 'inactive', weight: '9' });
    const plain = await here.consumer();
    expect(await plain.list()).toMatchObject({ [heavy.address]: 'group=b&weight=3' });
    // Go begins its wheel anew with each list that it is told.
    expectShares(await plain.calls(40), { light: 20, heavy: 20 });
    expectShares(await (await here.consumer({ weighted: true })).calls(40), { light: 10, heavy: 30 });
    expect(await (await here.consumer({ group: 'b' })).calls(8)).toEqual({ answers: { heavy: 8 }, errors: [] });
    if (rig.goHearsMetadata !== false) {
      await heavy.server.advertise({ state: 'inactive' });
      await vi.waitFor(async () => expect((await plain.calls(8)).answers).toEqual({ light: 8 }), patience);
    }
    await heavy.server.close({ graceMs: 0, lameDuckMs: 0 });
    await vi.waitFor(async () => expect(Object.keys(await plain.list())).toHaveLength(2), patience);
    expect((await plain.calls(20)).answers).toEqual({ light: 20 });
  });

  it('TypeScript sees a change of metadata within 2 s, and Go and TypeScript serve side by side', { timeout: 120_000 }, async () => {
    const here = estate();
    const typescript = await here.server('typescript', { weight: '1' });
    await here.provider('go');
    const client = here.client();
    await vi.waitFor(async () => expect(Object.keys(await whoAnswers(client)).toSorted()).toEqual(['go', 'typescript']), patience);
    const consumer = await here.consumer();
    expect(Object.keys((await consumer.calls(20)).answers).toSorted()).toEqual(['go', 'typescript']);
    const changed = performance.now();
    await typescript.server.advertise({ state: 'inactive' });
    await vi.waitFor(async () => expect(await whoAnswers(client, 8)).toEqual({ go: 8 }), { timeout: 2000, interval: 20 });
    expect(performance.now() - changed).toBeLessThan(2000);
  });
  if (rig.brief === true) return;

  it('a Go server that is killed is gone when its time is over, and calls never fail', { timeout: 120_000 }, async () => {
    const here = estate();
    await here.server('typescript');
    const client = here.client();
    const go = await here.provider('go');
    await vi.waitFor(async () => expect(Object.keys(await whoAnswers(client)).toSorted()).toEqual(['go', 'typescript']), patience);
    await go.process.kill();
    const { typescript, ...others } = await whoAnswers(client, 40);
    // The call under way may be one of those that nobody can know of; there was none.
    expect([typescript, others]).toEqual([40, {}]);
    await vi.waitFor(() => expect(client.nodes().map(({ address }) => address)).not.toContain(go.address), { timeout: rig.goTtlMs, interval: 100 });
  });
}
