import { connect, type Socket } from 'node:net';
import { parseAddress, splitHostPort, type ServiceInstance } from '@rpcxjs/core';
import { checkNames, described } from '@rpcxjs/core/options';
import type { RoundTripProbe } from './round-trips.ts';

export interface TcpProbeOptions {
  /** Milliseconds after which a server counts as unreachable. @default 3000 */
  readonly timeoutMs?: number | undefined;
}

/**
 * A probe that measures how long it takes to open a TCP connection, the lookup of a name included, and closes it at once; for `weightedByRoundTrip`. It works
 * where ICMP needs rights that a process seldom has. Unix sockets are reached by their path; addresses without `host:port` count as unreachable.
 */
export function tcpProbe(options: TcpProbeOptions = {}): RoundTripProbe {
  checkNames('tcpProbe', options, ['timeoutMs']);
  const { timeoutMs = 3000 } = options;
  if (!(Number.isFinite(timeoutMs) && timeoutMs > 0 && timeoutMs < 2 ** 31)) throw new TypeError(`timeoutMs is ${described(timeoutMs)}: it takes milliseconds above 0`);
  return (instance) => connecting(instance, timeoutMs);
}

function connecting(instance: ServiceInstance, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const socket = open(instance.address);
    const end = (settle: () => void): void => {
      socket.destroy();
      settle();
    };
    socket.unref();
    socket.setTimeout(timeoutMs, () => end(() => reject(new Error(`${instance.address} did not accept a connection within ${timeoutMs} ms`))));
    socket.once('connect', () => end(() => resolve(performance.now() - began)));
    socket.on('error', (error) => end(() => reject(error)));
  });
}

function open(address: string): Socket {
  const { network, host } = parseAddress(address);
  if (network === 'unix') return connect({ path: host });
  const { host: name, port } = splitHostPort(host);
  return connect({ host: name === '' ? '127.0.0.1' : name, port });
}
