import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { closeAfterEach, later, pair, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { readAccepted } from './static-read.ts';
import { tcp } from './tcp.ts';

closeAfterEach();

async function acceptedSocket(): Promise<{ accepted: Socket; client: Socket }> {
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const arriving = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const accepted = await arriving;
  later(async () => {
    client.destroy();
    accepted.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { accepted, client };
}

describe('reading into one buffer', () => {
  it('is what all dialled and accepted sockets of this Node version do', async () => {
    const first = await pair(tcp());
    const second = await pair(tcp());
    const all = [first.clientHeard, first.serverHeard, second.clientHeard, second.serverHeard];
    for (const side of [first.client, first.server, second.client, second.server]) side.write(Buffer.from('hello'));
    await until(() => all.every((heard) => heard.text === 'hello'));
    expect(new Set(all.flatMap((heard) => [...heard.buffers])).size).toBe(1);
  });

  it('delivers up to 256 KiB at once', async () => {
    const { client, server, serverHeard } = await pair(tcp());
    const sizes: number[] = [];
    let before = 0;
    serverHeard.onData = () => {
      sizes.push(serverHeard.bytes.length - before);
      before = serverHeard.bytes.length;
    };
    server.pause();
    client.write(Buffer.alloc(4_000_000));
    server.resume();
    await until(() => serverHeard.bytes.length === 4_000_000);
    expect(Math.max(...sizes)).toBeGreaterThan(64 * 1024);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1024);
  });

  it('falls back to events where the handle cannot do it, with the same bytes', async () => {
    const { accepted, client } = await acceptedSocket();
    Object.defineProperty((accepted as unknown as { _handle: object })._handle, 'useUserBuffer', { value: undefined });
    let text = '';
    expect(readAccepted(accepted, (chunk) => (text += Buffer.from(chunk).toString()))).toBe('events');
    accepted.resume();
    client.write('by events');
    await until(() => text === 'by events');
  });

  it('delivers once, not twice, where it can', async () => {
    const { accepted, client } = await acceptedSocket();
    let text = '';
    expect(readAccepted(accepted, (chunk) => (text += Buffer.from(chunk).toString()))).toBe('static');
    accepted.resume();
    client.end('once');
    await new Promise((resolve) => accepted.once('end', resolve));
    expect(text).toBe('once');
  });
});
