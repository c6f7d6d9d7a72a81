import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, it, vi } from 'vitest';
import { consoleLogger, systemClock, type ServiceInstance } from '@rpcxjs/core';
import { consul } from '@rpcxjs/registry-consul';
import { etcd } from '@rpcxjs/registry-etcd';
import type { KeyValueRegistry } from '@rpcxjs/registry-kit';
import { redis } from '@rpcxjs/registry-redis';
import { startConsul, startEtcd, startRedis, startZooKeeper, type RegistryServer } from '@rpcxjs/registry-servers';
import { describeWithConsul, describeWithEtcd, describeWithRedis, describeWithZooKeeper } from '@rpcxjs/registry-servers/vitest';
import { zookeeper } from '@rpcxjs/registry-zookeeper';

const hasIpv6 = Object.values(networkInterfaces()).flat().some((one) => one?.address === '::1');
const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };

/** The server on another address: `[::1]:port`. */
async function onIpv6(port: number): Promise<{ readonly address: string } & AsyncDisposable> {
  const open = new Set<Socket>();
  const kept = (socket: Socket): Socket => {
    open.add(socket);
    return socket.on('error', () => {}).on('close', () => open.delete(socket));
  };
  const server = createServer((socket) => {
    const inner = kept(connect(port, '127.0.0.1'));
    kept(socket).pipe(inner).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  return {
    address: `[::1]:${(server.address() as AddressInfo).port}`, // it listens on TCP
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function ipv6Test(start: () => Promise<RegistryServer>, open: (address: string) => KeyValueRegistry): void {
  it('is reached by its IPv6 address, and so are the servers that stand in it', { timeout: 60_000 }, async () => {
    await using server = await start();
    await using there = await onIpv6(server.port);
    await using registry = open(there.address);
    const lease = await registry.register({ service: 'Arith', instance: { address: 'tcp@[2001:db8::1]:8972', metadata: { weight: '3' } } }, { runtime });
    const stop = new AbortController();
    let newest: readonly ServiceInstance[] | undefined;
    const watched = (async () => {
      for await (const list of registry.watch('Arith', { runtime, signal: stop.signal })) newest = list;
    })();
    await vi.waitFor(() => expect(newest).toEqual([{ address: 'tcp@[2001:db8::1]:8972', metadata: { weight: '3' } }]), 5000);
    await lease.release();
    await vi.waitFor(() => expect(newest).toEqual([]), 5000);
    stop.abort();
    await watched;
  });
}

describe.skipIf(!hasIpv6)('a registry with an IPv6 address', () => {
  describeWithEtcd('etcd', () => ipv6Test(startEtcd, (endpoints) => etcd({ endpoints })));
  describeWithRedis('Redis', () => ipv6Test(startRedis, (nodes) => redis({ nodes })));
  describeWithZooKeeper('ZooKeeper', () => ipv6Test(startZooKeeper, (servers) => zookeeper({ servers })));
  describeWithConsul('Consul', () => ipv6Test(startConsul, (address) => consul({ address })));
});
