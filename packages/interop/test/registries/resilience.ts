import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@rpcxjs/core';
import { cached } from '@rpcxjs/core/discoveries';
import { fileStore } from '@rpcxjs/registry-kit';
import { expect, it, vi } from 'vitest';
import { recordingLogger } from '../recording-logger.ts';
import { Town, type RegistryRig } from './town.ts';

const noticedMs = 15_000;

/** The tests of a registry that is away, frozen, empty or crowded, which every registry passes: `describe('…', () => outages(rig))`. */
export function outages(rig: RegistryRig): void {
  it('G1: killed for 20 s it costs no call, and all servers are listed again within two TTLs', { timeout: 90_000 }, () => killed(rig, 20_000));

  it('G7: frozen it is noticed within 15 s with one warning, calls go on, and thawed it lists all servers', { timeout: 90_000 }, () => frozen(rig));

  it('wiped and started again it costs no call, and the servers register again', { timeout: 60_000 }, () => wiped(rig));

  it('G2: a client that starts while it is down is told so, and works when it is back; so does a server', { timeout: 60_000 }, () => coldStart(rig));

  it.each(['killed', 'frozen'] as const)('G2: with a snapshot on disk the first call takes a second at most while it is %s', { timeout: 60_000 }, (state) => snapshot(rig, state));

  it('G3: a server that is stopped is gone when its time is over, and listed again soon after it goes on; one that crashed stays away', { timeout: 90_000 }, () => stopped(rig));

  it('tells of changed metadata within 2 s', { timeout: 30_000 }, () => changed(rig));

  it('20 services of 20 instances are listed and watched in flat memory, and nothing keeps the process behind close()', { timeout: 120_000 }, () => many(rig, { services: 20, instances: 20, rounds: 12 }));
}

/** The same for longer, and for more. */
export function longOutages(rig: RegistryRig): void {
  it('G1: killed for 60 s it costs no call, and all servers are listed again within two TTLs', { timeout: 400_000 }, () => killed(rig, 60_000, 30_000));

  it('200 services of 20 instances are listed and watched in flat memory, and nothing keeps the process behind close()', { timeout: 600_000 }, () => many(rig, { services: 200, instances: 20, rounds: 12 }));
}

async function killed(rig: RegistryRig, downMs: number, ttlMs = rig.ttlMs): Promise<void> {
  await using town = await Town.found(rig, ttlMs);
  const addresses = await town.providers(3);
  const { client, lines } = town.client();
  const load = town.load(client);
  await load.calls(100);
  await town.server.kill();
  const until = performance.now() + downMs;
  await load.until(() => performance.now() >= until);
  await town.server.restart();
  const back = performance.now();
  await vi.waitFor(async () => expect(await town.listed()).toEqual(addresses), { timeout: 2 * ttlMs, interval: 200 });
  // And they stay, when what was written before the outage has ended.
  const settled = back + 1.5 * ttlMs;
  await load.until(() => performance.now() >= settled);
  expect(await town.listed()).toEqual(addresses);
  expect(client.nodes().map(({ address }) => address).toSorted()).toEqual(addresses);
  await load.stop();
  expect(load.phase.reasons).toEqual({});
  expect([...load.phase.answered.keys()].toSorted()).toEqual(['s0', 's1', 's2']);
  expect(lines.filter((line) => line.includes('does not answer'))).toHaveLength(1);
}

async function frozen(rig: RegistryRig): Promise<void> {
  await using town = await Town.found(rig);
  const addresses = await town.providers(3);
  const { client, lines } = town.client();
  const load = town.load(client);
  await load.calls(100);
  town.server.freeze();
  const began = performance.now();
  const noticed = (): boolean => lines.some((line) => line.includes('does not answer'));
  await load.until(() => noticed() || performance.now() > began + noticedMs);
  expect(noticed()).toBe(true);
  // Beyond the time of the entries too.
  await load.until(() => performance.now() > began + Math.max(noticedMs, 2 * rig.ttlMs));
  expect(lines).toEqual([expect.stringContaining(`${town.server.address} does not answer; calls go on with the servers that are known`)]);
  town.server.thaw();
  await vi.waitFor(async () => expect(await town.listed()).toEqual(addresses), { timeout: 2 * rig.ttlMs, interval: 200 });
  await load.calls(200);
  await load.stop();
  expect(load.phase.reasons).toEqual({});
  expect(client.nodes().map(({ address }) => address).toSorted()).toEqual(addresses);
}

async function wiped(rig: RegistryRig): Promise<void> {
  await using town = await Town.found(rig);
  const addresses = await town.providers(3);
  const { client } = town.client();
  const load = town.load(client);
  await load.calls(100);
  await town.server.wipe();
  await vi.waitFor(async () => expect(await town.listed()).toEqual(addresses), { timeout: 2 * rig.ttlMs, interval: 200 });
  await load.calls(200);
  await load.stop();
  expect(load.phase.reasons).toEqual({});
  expect(client.nodes().map(({ address }) => address).toSorted()).toEqual(addresses);
}

async function coldStart(rig: RegistryRig): Promise<void> {
  await using town = await Town.found(rig);
  await town.server.kill();
  const { client } = town.client();
  const began = performance.now();
  const call = (): Promise<unknown> => client.call('Town', 'Who', null);
  const failure = await call().catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'unavailable', message: expect.stringContaining(town.server.address) as string, cause: { code: 'unavailable', reason: 'REGISTRY_UNREACHABLE' } });
  expect(performance.now() - began).toBeLessThan(6000);
  const { address } = await town.provider('s0');
  await town.server.restart();
  await vi.waitFor(async () => expect(await call()).toBe('s0'), { timeout: noticedMs, interval: 100 });
  expect(await town.listed()).toEqual([address]);
}

async function snapshot(rig: RegistryRig, state: 'killed' | 'frozen'): Promise<void> {
  await using town = await Town.found(rig);
  const directory = await mkdtemp(join(tmpdir(), 'rpcxjs-snapshot-'));
  town.keep({ [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) });
  await town.provider('s0');
  const call = (): Promise<unknown> => town.client(cached(town.registry(), fileStore({ directory }))).client.call('Town', 'Who', null);
  expect(await call()).toBe('s0');
  await vi.waitFor(async () => expect((await readdir(directory)).filter((name) => name.endsWith('.instances'))).toHaveLength(1));
  await (state === 'killed' ? town.server.kill() : town.server.freeze());
  const began = performance.now();
  expect(await call()).toBe('s0');
  expect(performance.now() - began).toBeLessThan(1000);
}

async function stopped(rig: RegistryRig): Promise<void> {
  await using town = await Town.found(rig);
  const { goneMs = rig.ttlMs + 2000 } = rig;
  const [own = ''] = await town.providers(1);
  const { client } = town.client();
  const load = town.load(client);
  const { address, process } = await town.apart();
  const both = [own, address].toSorted();
  await vi.waitFor(async () => expect(await town.listed()).toEqual(both), { timeout: 5000, interval: 100 });
  process.freeze();
  await vi.waitFor(async () => expect(await town.listed()).toEqual([own]), { timeout: goneMs, interval: 100 });
  process.thaw();
  await vi.waitFor(async () => expect(await town.listed()).toEqual(both), { timeout: rig.ttlMs, interval: 100 });
  const phase = load.newPhase();
  await load.until(() => phase.by('apart') > 20);
  await process.kill();
  await vi.waitFor(async () => expect(await town.listed()).toEqual([own]), { timeout: goneMs, interval: 100 });
  await load.calls(100);
  await load.stop();
  expect(phase.reasons).toEqual({});
  expect([...phase.answered.keys()].toSorted()).toEqual(['apart', 's0']);
}

async function changed(rig: RegistryRig): Promise<void> {
  await using town = await Town.found(rig);
  const runtime = { clock: systemClock, logger: recordingLogger() };
  const address = 'tcp@10.0.0.1:8972';
  const lease = await town.registry().register({ service: 'Town', instance: { address, metadata: { weight: '3' } } }, { runtime });
  const ended = new AbortController();
  const lists: unknown[] = [];
  const reading = (async () => {
    for await (const list of town.registry().watch('Town', { runtime, signal: ended.signal })) lists.push(list.map(({ metadata }) => ({ ...metadata })));
  })().catch(() => {});
  await vi.waitFor(() => expect(lists).toEqual([[{ weight: '3' }]]), { timeout: 5000 });
  for (const metadata of [{ weight: '5' }, { group: 'b', state: 'inactive', weight: '5' }]) {
    await lease.update(metadata);
    await vi.waitFor(() => expect(lists.at(-1)).toEqual([metadata]), { timeout: 2000 });
  }
  await lease.release();
  await vi.waitFor(() => expect(lists.at(-1)).toEqual([]), { timeout: 2000 });
  ended.abort();
  await reading;
}

async function many(rig: RegistryRig, settings: { readonly services: number; readonly instances: number; readonly rounds: number }): Promise<void> {
  await using town = await Town.found(rig, 60_000);
  const { child, first } = await town.program('many-program.ts', settings);
  const { heaps, warnings } = first as { readonly heaps: readonly number[]; readonly warnings: readonly string[] }; // of the program
  // It has nothing to wait for: the process ends by itself, and has left nothing in the registry.
  expect(await child.ended).toEqual({ code: 0, signal: null });
  expect(await town.listed('Service0')).toEqual([]);
  expect(warnings).toEqual([]);
  const half = settings.rounds / 2;
  const growth = Math.min(...heaps.slice(half)) - Math.min(...heaps.slice(0, half));
  expect(growth, `heaps in bytes: ${heaps.join(' ')}`).toBeLessThan(Math.min(...heaps) * 0.05);
}
