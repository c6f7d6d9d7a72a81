import { parseAddress } from './address.ts';
import type { InstanceProbe } from './discovery-stabilised.ts';
import type { Dialer } from './transport.ts';

/** Asks whether an instance still accepts connections: opens one and drops it. An address that none of the transports dials does not answer. For `stabilised`. */
export function dialProbe(transports: readonly Dialer[]): InstanceProbe {
  return async (text, { signal, runtime }) => {
    const address = parseAddress(text);
    const dialer = transports.find(({ networks }) => networks.includes(address.network));
    if (dialer === undefined) return false;
    const connection = await dialer.dial(address, { signal, runtime });
    connection.abort();
    return true;
  };
}
