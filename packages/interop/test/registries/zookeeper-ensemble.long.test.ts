import { systemClock } from '@rpcxjs/core';
import { startZooKeeperEnsemble, zooKeeperMode } from '@rpcxjs/registry-servers';
import { describeWithZooKeeper } from '@rpcxjs/registry-servers/vitest';
import { zookeeper } from '@rpcxjs/registry-zookeeper';
import { createClient, createServer } from '@rpcxjs/rpcx';
import { expect, it, vi } from 'vitest';
import { Load } from '../../src/index.ts';
import { recordingLogger } from '../recording-logger.ts';

/** Disposed of in reverse order, by `await using`. */
class Stack implements AsyncDisposable {
  readonly #all: (() => unknown)[] = [];
  use<T extends AsyncDisposable>(what: T): T {
    this.defer(() => what[Symbol.asyncDispose]());
    return what;
  }
  defer(end: () => unknown): void {
    this.#all.push(end);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#all.splice(0).reverse()) await end();
  }
}

describeWithZooKeeper('an ensemble of three ZooKeepers', () => {
  it('whose leader is killed, and that then has no quorum, costs no call and no server its place in the list', { timeout: 200_000 }, async () => {
    const members = await startZooKeeperEnsemble();
    await using open = new Stack();
    for (const member of members) open.use(member);
    const logger = recordingLogger();
    const registry = () => open.use(zookeeper({ servers: members.map(({ address }) => address), basePath: '/town', sessionTimeoutMs: 4000 }));
    const addresses: string[] = [];
    for (const name of ['s0', 's1']) {
      const server = createServer({ registries: [registry()], logger: recordingLogger() });
      open.defer(() => server.close({ graceMs: 0, lameDuckMs: 0 }));
      server.registerFunction('Town', 'Who', () => name);
      addresses.push(...(await server.listen('tcp@127.0.0.1:0')));
    }
    addresses.sort();
    const discovery = registry();
    const ended = new AbortController();
    open.defer(() => ended.abort());
    const lists: string[][] = [];
    void (async () => {
      for await (const list of discovery.watch('Town', { runtime: { clock: systemClock, logger }, signal: ended.signal })) lists.push(list.map(({ address }) => address));
    })();
    const client = open.use(createClient({ discovery, logger }));
    const town = client.service<{ Who(input: null): string }>('Town', { idempotent: ['Who'] });
    const load = open.use(new Load({ ratePerSecond: 50, call: () => town.Who(null) }));
    await vi.waitFor(() => expect(lists.at(-1)).toEqual(addresses), { timeout: 10_000 });
    const modes = await Promise.all(members.map(zooKeeperMode));
    const leader = members[modes.indexOf('leader')] ?? expect.fail(`no leader: ${modes.join()}`);
    const others = members.filter((member) => member !== leader);
    const settle = async (ms: number): Promise<void> => {
      const until = performance.now() + ms;
      await load.until(() => performance.now() >= until);
    };
    await leader.kill();
    // Twice the time of the sessions, which are those of the ensemble and not of the member that is gone.
    await settle(8000);
    expect((await Promise.all(others.map(zooKeeperMode))).toSorted()).toEqual(['follower', 'leader']);
    await leader.restart();
    await Promise.all(others.map((member) => member.kill()));
    await settle(8000);
    await Promise.all(others.map((member) => member.restart()));
    await settle(8000);
    const fresh = registry();
    for await (const list of fresh.watch('Town', { runtime: { clock: systemClock, logger } })) {
      expect(list.map(({ address }) => address)).toEqual(addresses);
      break;
    }
    await load.stop();
    expect(load.phase.reasons).toEqual({});
    expect(new Set(lists.map(String))).toEqual(new Set([String(addresses)]));
  });
});
