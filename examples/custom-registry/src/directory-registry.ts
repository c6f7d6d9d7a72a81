import { randomUUID } from 'node:crypto';
import { mkdirSync, watch as watchFolder } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RpcError, type Discovery, type InstanceMetadata, type Lease, type Registry, type ServiceInstance } from '@rpcxjs/core';
import { instanceFeed, serviceInstance, sortedInstances } from '@rpcxjs/core/discoveries';

export interface DirectoryRegistryOptions {
  /** Shared by all processes that are to find each other; made when it is missing. */
  readonly directory: string;
}

/** A folder for each service, a file for each registration. What a process that was killed has left there stays until somebody removes it. */
export function directoryRegistry({ directory }: DirectoryRegistryOptions): Registry & Discovery {
  const leases = new Set<Lease>();
  let closed = false;
  const folderOf = (service: string): string => {
    const folder = join(directory, `s${encodeURIComponent(service)}`); // behind the letter every name is a file's name, also `..`
    mkdirSync(folder, { recursive: true });
    return folder;
  };
  const mustBe = (open: boolean, what: string): void => {
    if (!open) throw new RpcError('failed_precondition', `${what} is no longer possible: register again, with an open registry`, { reason: 'CLOSED', sent: false });
  };
  const close = async (): Promise<void> => {
    closed = true;
    for (const lease of leases) await lease.release();
  };
  return {
    async register({ service, instance }, { signal }) {
      const { address, metadata } = serviceInstance(instance.address, instance.metadata); // checked, and a copy
      signal?.throwIfAborted();
      mustBe(!closed, `registering ${address}`);
      const path = join(folderOf(service), randomUUID());
      const update = async (text: InstanceMetadata): Promise<void> => {
        mustBe(leases.has(lease), `updating ${address}`);
        await writeFile(path, JSON.stringify(serviceInstance(address, text)));
        await rename(path, `${path}.json`); // whole or not at all
      };
      const release = (): Promise<void> => (leases.delete(lease), rm(`${path}.json`, { force: true }));
      const lease: Lease = { update, release, [Symbol.asyncDispose]: release };
      leases.add(lease);
      await update(metadata);
      return lease;
    },
    watch: (service, { signal }) => instanceFeed(signal, (feed) => {
      const folder = folderOf(service);
      let looks = 0;
      const look = (): void => {
        const mine = ++looks; // the last look sees most
        instancesIn(folder).then((list) => mine === looks && feed.push(list)).catch((error: unknown) => feed.fail(error));
      };
      const watcher = watchFolder(folder, { persistent: false }, look).on('error', (error) => feed.fail(error));
      look();
      return () => watcher.close();
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function instancesIn(folder: string): Promise<readonly ServiceInstance[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => 'null'))); // released meanwhile
  return sortedInstances(texts.map((text) => JSON.parse(text) as ServiceInstance | null).filter((instance) => instance !== null));
}
