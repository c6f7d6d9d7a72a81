import { consoleLogger, systemClock, type Discovery } from '@rpcxjs/rpcx';

/** The addresses that a discovery has of a service, as soon as it has so many. */
export async function listed(discovery: Discovery, service: string, count: number): Promise<string> {
  const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };
  for await (const list of discovery.watch(service, { runtime })) if (list.length >= count) return list.map(({ address }) => address).join(', ');
  throw new Error(`the discovery of ${service} ended before it had ${count} servers`);
}
