import { consoleLogger, RpcError, systemClock } from '@rpcxjs/core';
import type { InstanceMetadata, Lease, ServiceInstance } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { inprocess, type InProcessRegistry } from './registry.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };
const register = (registry: InProcessRegistry, address: string, metadata: InstanceMetadata = {}, service = 'S'): Promise<Lease> => registry.register({ service, instance: { address, metadata } }, { runtime });
const said = (list: readonly ServiceInstance[] | undefined): string => (list ?? []).map(({ address, metadata }) => `${address.slice(4)} ${JSON.stringify(metadata)}`).join(', ');

function watch(registry: InProcessRegistry, signal?: AbortSignal) {
  const iterator = registry.watch('S', { signal, runtime })[Symbol.asyncIterator]();
  return async (): Promise<string> => {
    const { done, value } = await iterator.next();
    return done === true ? 'the end' : said(value);
  };
}

describe('inprocess', () => {
  it('tells a watcher of every change in the turn in which it happens', async () => {
    const registry = inprocess();
    const next = watch(registry);
    expect(await next()).toBe('');
    const lease = await register(registry, 'b:1', { weight: '2' });
    expect(await next()).toBe('b:1 {"weight":"2"}');
    await register(registry, 'tcp@a:1');
    expect(await next()).toBe('a:1 {}, b:1 {"weight":"2"}');
    await lease.update({ state: 'inactive' });
    expect(await next()).toBe('a:1 {}, b:1 {"state":"inactive"}');
    await lease.release();
    expect(await next()).toBe('a:1 {}');
  });

  it('lists two registrations at one address once: the newest, and after its release the one before', async () => {
    const registry = inprocess();
    const older = await register(registry, 'a:1', { weight: '1' });
    const newer = await register(registry, 'a:1', { weight: '2' });
    const next = watch(registry);
    expect(await next()).toBe('a:1 {"weight":"2"}');
    await older.update({ weight: '3' });
    expect(await next()).toBe('a:1 {"weight":"2"}');
    await newer.release();
    expect(await next()).toBe('a:1 {"weight":"3"}');
    await older.release();
    expect(await next()).toBe('');
  });

  it('ends the watchers with the list that they know when it closes, and refuses new ones', async () => {
    const registry = inprocess();
    await register(registry, 'a:1');
    const next = watch(registry);
    expect(await next()).toBe('a:1 {}');
    await registry.close();
    expect(await next()).toBe('the end');
    await expect(watch(registry)()).rejects.toThrow(expect.objectContaining({ code: 'failed_precondition', reason: 'CLOSED', message: expect.stringContaining('cannot watch "S": it was closed') as string }) as Error);
    await expect(register(registry, 'b:1')).rejects.toThrow('cannot register "S" at tcp@b:1: it was closed');
  });

  it.each([
    ['no service', { service: '', instance: { address: 'a:1', metadata: {} } }, /needs the name of its service/],
    ['no address', { service: 'S', instance: { address: 'tcp@', metadata: {} } }, /"tcp@" is no address/],
    ['metadata that are no text', { service: 'S', instance: { address: 'a:1', metadata: { weight: 3 } } }, /"weight" set to 3: write text/],
  ])('refuses a registration with %s', async (_name, registration, message) => {
    const registry = inprocess();
    await expect(registry.register(registration as never, { runtime })).rejects.toThrow(message);
    expect(await watch(registry)()).toBe('');
  });

  it('refuses an update with metadata that are no text, and keeps what it had', async () => {
    const registry = inprocess();
    const lease = await register(registry, 'a:1', { weight: '1' });
    await expect(lease.update({ weight: 3 as never })).rejects.toThrow(TypeError);
    expect(await watch(registry)()).toBe('a:1 {"weight":"1"}');
    await lease.release();
    expect(RpcError.is(await lease.update({}).catch((error: unknown) => error))).toBe(true);
  });

  it('forgets services and watchers that are no more', async () => {
    const registry = inprocess();
    const controller = new AbortController();
    for (let count = 0; count < 1000; count++) {
      const lease = await register(registry, 'a:1', {}, `S${count}`);
      void watch(registry, controller.signal)();
      await lease.release();
    }
    controller.abort();
    expect(await watch(registry, controller.signal)()).toBe('');
  });
});
