import { RpcError, systemClock, type Logger, type Registration, type ServiceInstance } from '@rpcxjs/core';
import { nacos, type NacosOptions, type NacosRegistry } from '../src/index.ts';
import { ScriptedNacos } from './scripted-nacos.ts';

export const warnings: string[] = [];
const logger: Logger = { debug() {}, info() {}, warn: (_, message) => void warnings.push(message), error() {}, child: () => logger };
export const runtime = { clock: systemClock, logger };
export const ends: (() => Promise<unknown>)[] = [];
/** For `afterEach` of each file. */
export async function finish(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
  warnings.length = 0;
}

export async function scripted(api: 'v3' | 'v1' | 'both' = 'v3'): Promise<ScriptedNacos> {
  const server = await new ScriptedNacos(api).start();
  ends.push(() => server.kill());
  return server;
}
export function registryAt(servers: NacosOptions['servers'], options: NacosOptions = {}): NacosRegistry {
  const registry = nacos({ servers, pollMs: 20, heartbeatMs: 30, timeoutMs: 2000, ...options });
  ends.push(() => registry.close());
  return registry;
}
export const at = (address: string, metadata: ServiceInstance['metadata'] = {}, service = 'Arith'): Registration => ({ service, instance: { address, metadata } });

export interface Found {
  list: readonly ServiceInstance[] | undefined;
  lists: number;
  error: unknown;
}

/** The newest list, and how often there was one. */
export function reader(registry: NacosRegistry, service = 'Arith'): Found {
  const controller = new AbortController();
  const found: Found = { list: undefined, lists: 0, error: undefined };
  const done = (async () => {
    for await (const list of registry.watch(service, { runtime, signal: controller.signal })) {
      found.list = list;
      found.lists += 1;
    }
  })().catch((error: unknown) => (found.error = error));
  ends.push(async () => {
    controller.abort();
    await done;
  });
  return found;
}
export async function firstList(registry: NacosRegistry, service = 'Arith'): Promise<readonly ServiceInstance[]> {
  for await (const list of registry.watch(service, { runtime })) return list;
  throw new Error('it said nothing');
}
export const failure = async (work: Promise<unknown>): Promise<RpcError> => {
  const error = await work.then((value) => value, (thrown: unknown) => thrown);
  if (!RpcError.is(error)) throw new Error(`no RpcError but ${String(error)}`);
  return error;
};
export const addresses = (list: readonly ServiceInstance[] | undefined): readonly string[] | undefined => list?.map(({ address }) => address);
