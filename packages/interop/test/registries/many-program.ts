// Lists and watches many services, says how much memory that holds after each round of changes, closes, and has to end by itself.
import { systemClock, type InstanceMetadata, type Lease, type Runtime } from '@rpcxjs/core';
import type { KeyValueRegistry } from '@rpcxjs/registry-kit';
import { recordingLogger } from '../recording-logger.ts';
import { registryOf } from './registry-of-program.ts';
import type { ProgramSettings } from './town.ts';

const settings = JSON.parse(process.argv[2] ?? '{}') as ProgramSettings & { readonly services: number; readonly instances: number; readonly rounds: number };
const { services, instances, rounds } = settings;
const logger = recordingLogger();
const runtime: Runtime = { clock: systemClock, logger };
const collect = (globalThis as { gc?: () => void }).gc; // with --expose-gc

const writer: KeyValueRegistry = await registryOf(settings);
const reader: KeyValueRegistry = await registryOf({ ...settings, options: { ...settings.options, relistMs: 10 * services } });

/** How many instances of each service the reader knows, and the round of the first. */
const seen: { count: number; round: string }[] = Array.from({ length: services }, () => ({ count: 0, round: '' }));
let wake = (): void => {};
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => { wake = resolve; });
}
async function follow(index: number): Promise<void> {
  for await (const list of reader.watch(`Service${index}`, { runtime })) {
    seen[index] = { count: list.length, round: list.find(({ address }) => address.endsWith('.1:8972'))?.metadata['round']?.toString() ?? '' };
    wake();
  }
}
const following = seen.map((_, index) => follow(index));

const began = performance.now();
const leases: Lease[] = [];
const metadata = (round: number): InstanceMetadata => ({ round: `${round}`, group: 'many', weight: '3' });
for (let index = 0; index < services; index++) {
  const made = Array.from({ length: instances }, (_, at) => writer.register({ service: `Service${index}`, instance: { address: `tcp@10.1.${index % 256}.${at + 1}:8972`, metadata: metadata(0) } }, { runtime }));
  leases.push(...(await Promise.all(made)));
}
await until(() => seen.every(({ count }) => count === instances));
const listedMs = performance.now() - began;

const heaps: number[] = [];
for (let round = 1; round <= rounds; round++) {
  for (let index = 0; index < services; index++) await leases[index * instances]?.update(metadata(round));
  await until(() => seen.every((one) => one.round === `${round}` && one.count === instances));
  // What a collection leaves has often only not been reached yet.
  let least = Infinity;
  for (let pass = 0; pass < 4; pass++) {
    collect?.();
    await new Promise((resolve) => { setImmediate(resolve); });
    least = Math.min(least, process.memoryUsage().heapUsed);
  }
  heaps.push(least);
}
await Promise.all([writer.close(), reader.close()]);
await Promise.all(following);
process.stdout.write(`${JSON.stringify({ listedMs, heaps, warnings: logger.lines })}\n`);
