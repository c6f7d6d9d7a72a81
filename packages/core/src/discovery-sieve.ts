import { formatAddress } from './address.ts';
import { dialableAddress } from './dialable-address.ts';
import type { InstanceMetadata, ServiceInstance } from './discovery.ts';
import { hasUsableWeight } from './instance-metadata.ts';
import type { Logger } from './runtime.ts';
import { sortedInstances } from './service-instance.ts';
import { thrownText } from './thrown-text.ts';

const longestAddress = 1024;
const shown = 3;

/** Options of the sieve of one service. */
export interface SieveOptions {
  readonly service: string;
  readonly logger: Logger;
  /** What can be dialled; an instance of another network is left out. @default every network */
  readonly networks?: readonly string[] | undefined;
}

/**
 * Makes what a discovery says usable, whatever it says: sorted by address, each address once and in rpcx form, metadata that is text.
 * Entries that cannot be used are left out, values that cannot be read are ignored, and one warning for the life of the sieve names the first few of them.
 */
export function instanceSieve(options: SieveOptions): (said: readonly ServiceInstance[]) => readonly ServiceInstance[] {
  const { service, logger, networks } = options;
  let warned = false;
  return (said) => {
    const faults: string[] = [];
    const entries: readonly unknown[] = Array.isArray(said) ? said : [];
    if (!Array.isArray(said)) faults.push('the list is no list');
    const usable = entries.flatMap((entry) => {
      try {
        return [cleaned(entry, networks, faults)];
      } catch (error) {
        faults.push(cut(thrownText(error)));
        return [];
      }
    });
    if (faults.length > 0 && !warned) {
      warned = true;
      const first = faults.slice(0, shown).join('; ');
      logger.warn({ service, faults: faults.length }, `the discovery of "${service}" says what cannot be used, the rest is: ${first}${faults.length > shown ? `; and ${faults.length - shown} more` : ''}`);
    }
    return sortedInstances(usable);
  };
}

/** The entry made usable; throws a sentence for one that cannot be dialled at all. */
function cleaned(entry: unknown, networks: readonly string[] | undefined, faults: string[]): ServiceInstance {
  const { address, metadata } = (entry ?? {}) as { readonly address?: unknown; readonly metadata?: unknown }; // looked at below
  if (typeof address !== 'string') throw new TypeError('an entry without an address');
  if (address.length > longestAddress) throw new TypeError(`an address of ${address.length} characters`);
  const parsed = dialableAddress(address);
  if (networks !== undefined && !networks.includes(parsed.network)) throw new TypeError(`no transport dials "${cut(address)}" (known: ${networks.join(', ')})`);
  const canonical = formatAddress(parsed);
  const texts = textsOf(metadata);
  const kept = canonical === address && texts === metadata ? (entry as ServiceInstance) : { address: canonical, metadata: texts }; // it is one, as just seen
  if (texts !== metadata) faults.push(`the metadata of ${cut(address)} is not text`);
  if (!hasUsableWeight(kept)) faults.push(`the weight of ${cut(address)} is "${cut(String(texts['weight']))}"`);
  return kept;
}

/** The metadata itself when all of it is text. */
function textsOf(metadata: unknown): InstanceMetadata {
  if (typeof metadata !== 'object' || metadata === null) return {};
  const entries = Object.entries(metadata);
  const texts = entries.filter(([, value]) => typeof value === 'string' || (Array.isArray(value) && value.every((one) => typeof one === 'string')));
  return (texts.length === entries.length ? metadata : Object.fromEntries(texts)) as InstanceMetadata; // only texts are left
}

function cut(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
