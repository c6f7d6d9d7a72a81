import { connect, type Socket } from 'node:net';
import { splitHostPort, type Address } from '@rpcxjs/core';
import { later } from './cleanups.ts';

/** A plain socket to a listener, and what it hears. */
export interface Raw {
  readonly socket: Socket;
  readonly heard: { text: string; ended: boolean; error: Error | undefined };
}

/** Connects a plain socket, which is destroyed when the test is over. */
export async function raw(address: Address): Promise<Raw> {
  const { host, port } = splitHostPort(address.host);
  const socket = connect({ host, port, noDelay: true });
  const heard: Raw['heard'] = { text: '', ended: false, error: undefined };
  socket.on('data', (chunk: Buffer) => (heard.text += chunk.toString('latin1'))).on('close', () => (heard.ended = true)).on('error', (error) => (heard.error = error));
  later(() => socket.destroy());
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return { socket, heard };
}
