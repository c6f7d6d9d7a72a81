import type { Pick, Picker, PickInfo, ServiceInstance } from '@rpcxjs/core';

export type Metadata = ServiceInstance['metadata'];

/** One server under a short name: `memory@a`. */
export function at(name: string, metadata: Metadata = {}): ServiceInstance {
  return { address: `memory@${name}`, metadata };
}

/** `weighted({ a: 5, b: 1 })` */
export function weighted(weights: Readonly<Record<string, number | string>>): ServiceInstance[] {
  return Object.entries(weights).map(([name, weight]) => at(name, { weight: String(weight) }));
}

export function servers(count: number, metadata: (index: number) => Metadata = () => ({})): ServiceInstance[] {
  return Array.from({ length: count }, (_, index) => at(String(index).padStart(4, '0'), metadata(index)));
}

export function call(change: Partial<PickInfo> = {}): PickInfo {
  return { service: 'Arith', method: 'Mul', input: undefined, metadata: {}, hashKey: undefined, avoid: undefined, ...change };
}

export function avoiding(...names: string[]): PickInfo {
  return call({ avoid: new Set(names.map((name) => `memory@${name}`)) });
}

export function nameOf(pick: Pick | undefined): string {
  return pick?.instance.address.replace(/^memory@/, '') ?? '-';
}

/** The names of so many picks in a row, none of which ends. */
export function row(picker: Picker, count: number, info: PickInfo = call()): string {
  return Array.from({ length: count }, () => nameOf(picker.pick(info))).join(' ');
}

/** How many of so many calls, each of which ends well at once, went where. */
export function counts(picker: Picker, total: number, infoOf: (index: number) => PickInfo = () => call()): Record<string, number> {
  const found: Record<string, number> = {};
  for (let index = 0; index < total; index++) {
    const pick = picker.pick(infoOf(index));
    const name = nameOf(pick);
    found[name] = (found[name] ?? 0) + 1;
    pick?.done?.({ error: undefined, durationMs: 1 });
  }
  return found;
}

/** The shares of the counts. */
export function shares(found: Readonly<Record<string, number>>): Record<string, number> {
  const total = Object.values(found).reduce((sum, count) => sum + count, 0);
  return Object.fromEntries(Object.entries(found).map(([name, count]) => [name, count / total]));
}
