import { createSocket } from 'node:dgram';
import { splitHostPort } from '@rpcxjs/core';
import type { Address } from '@rpcxjs/core';

export interface SwitchingRelay extends AsyncDisposable {
  readonly address: Address;
}

/** Leads the datagrams of one client to whatever target is asked for at the moment, so that a server can be another one on the same port. */
export async function switchingRelay(target: () => Address): Promise<SwitchingRelay> {
  const front = createSocket('udp4');
  const back = createSocket('udp4');
  let client: { readonly address: string; readonly port: number } | undefined;
  front.on('message', (datagram, from) => {
    client = from;
    const { host, port } = splitHostPort(target().host);
    back.send(datagram, port, host);
  });
  back.on('message', (datagram) => {
    if (client !== undefined) front.send(datagram, client.port, client.address);
  });
  await new Promise<void>((resolve) => { front.bind(0, '127.0.0.1', resolve); });
  return {
    address: { network: 'quic', host: `127.0.0.1:${front.address().port}` },
    async [Symbol.asyncDispose]() {
      await Promise.all([front, back].map((socket) => new Promise<void>((resolve) => { socket.close(resolve); })));
    },
  };
}
