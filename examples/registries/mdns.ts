import { mdns } from '@rpcxjs/registry-mdns';
import type { OpenRegistry } from './where.ts';

/** The address is one that this machine has in the network to speak in; behind a colon, another port than 5353, where no Go program is. */
export function open(address?: string): OpenRegistry {
  const [host, port] = address?.split(':') ?? [];
  return mdns({ interface: host, ...(port === undefined ? {} : { port: Number(port) }) });
}
