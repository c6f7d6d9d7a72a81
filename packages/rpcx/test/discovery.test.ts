import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { createClient, createServer, type Discovery, type Outcome, type Selector, type Server, type ServiceInstance } from '../src/index.ts';
import { deferred, failure, until } from './pair.ts';

/** A list that a test changes. */
function changing(): Discovery & { set(instances: readonly ServiceInstance[]): void; fail(error: Error): void; readonly watched: string[] } {
  let next = deferred<readonly ServiceInstance[]>();
  const watched: string[] = [];
  return {
    watched,
    set: (instances) => next.resolve(instances),
    fail: (error) => next.reject(error),
    async *watch(service, { signal }) {
      watched.push(service);
      signal?.addEventListener('abort', () => next.resolve([]));
      while (signal?.aborted !== true) {
        const list = await next.promise;
        next = deferred();
        yield list;
      }
    },
  };
}

const at = (name: string, metadata: ServiceInstance['metadata'] = {}): ServiceInstance => ({ address: `memory@${name}`, metadata });

async function servers(...names: readonly string[]): Promise<{ readonly network: ReturnType<typeof memoryNetwork>; readonly all: readonly Server[]; [Symbol.asyncDispose](): Promise<void> }> {
  const network = memoryNetwork();
  const all = await Promise.all(
    names.map(async (name) => {
      const server = createServer({ transports: [network] }).registerFunction('Who', 'AreYou', () => name);
      await server.listen(`memory@${name}`);
      return server;
    }),
  );
  return { network, all, [Symbol.asyncDispose]: async () => { for (const server of all) { server.abort(); await server.close(); } } };
}
interface Who { AreYou(): Promise<string> }

describe('a discovery', () => {
  it('is asked once a service; calls wait for its first list and follow its changes', async () => {
    await using farm = await servers('a', 'b', 'c');
    const discovery = changing();
    const client = createClient({ discovery, transports: [farm.network] });
    const who = client.service<Who>('Who');
    const early = [who.AreYou(), who.AreYou()];
    discovery.set([at('b'), at('a')]);
    expect((await Promise.all(early)).toSorted()).toEqual(['a', 'b']);
    discovery.set([at('c')]);
    const found = new Set<string>();
    for (let count = 0; count < 50; count++) found.add(await who.AreYou());
    expect(found.has('c')).toBe(true);
    expect(await who.AreYou()).toBe('c');
    expect(discovery.watched).toEqual(['Who']);
    await client.close();
  });

  it('says who is inactive and who is in which group', async () => {
    await using farm = await servers('a', 'b', 'c');
    const discovery = changing();
    const client = createClient({ discovery, transports: [farm.network] });
    const who = client.service<Who>('Who', { group: 'blue' });
    discovery.set([at('a', { group: ['red', 'blue'] }), at('b', { group: 'red' }), at('c', { group: 'blue', state: 'inactive' })]);
    for (let count = 0; count < 4; count++) expect(await who.AreYou()).toBe('a');
    await client.close();
  });

  it('that finds nobody or fails is a typed error; a list that was known stays in use', async () => {
    await using farm = await servers('a');
    const logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger };
    const broken = changing();
    const lost = createClient({ discovery: broken, transports: [farm.network], logger });
    const call = failure(lost.service<Who>('Who').AreYou());
    broken.fail(new Error('registry is away'));
    expect(await call).toMatchObject({ code: 'unavailable', reason: 'NO_INSTANCE', sent: false });
    const discovery = changing();
    const client = createClient({ discovery, transports: [farm.network], logger });
    const who = client.service<Who>('Who');
    const none = failure(who.AreYou());
    discovery.set([]);
    expect((await none).message).toContain('no instance of "Who" (0 listed');
    discovery.set([at('a')]);
    await until(() => discovery.watched.length === 1);
    expect(await who.AreYou().catch(() => who.AreYou())).toBe('a');
    discovery.fail(new Error('registry is away'));
    expect(await who.AreYou()).toBe('a');
    await Promise.all([lost.close(), client.close()]);
  });
});

describe('a selector', () => {
  it('picks for each attempt, is told how it went, and keeps its memory over lists', async () => {
    await using farm = await servers('a', 'b');
    const outcomes: [string, Outcome][] = [];
    const builds: number[] = [];
    const last: Selector = {
      name: 'last',
      build(instances, previous) {
        builds.push(instances.length);
        void previous;
        return {
          pick({ avoid }) {
            const instance = instances.toReversed().find(({ address }) => avoid?.has(address) !== true);
            return instance && { instance, done: (outcome) => void outcomes.push([instance.address, outcome]) };
          },
        };
      },
    };
    const client = createClient({ servers: ['memory@a', 'memory@b', 'memory@nobody'], transports: [farm.network], selector: last, health: false });
    expect(await client.service<Who>('Who').AreYou()).toBe('b');
    expect(outcomes.map(([address, { error }]) => [address, error === undefined])).toEqual([['memory@nobody', false], ['memory@b', true]]);
    expect(builds).toEqual([3]);
    await client.close();
  });
});
