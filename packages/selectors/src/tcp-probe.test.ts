import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tcpProbe } from './tcp-probe.ts';

const instance = (address: string) => ({ address, metadata: {} });

it('measures how long a connection takes and closes it', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const { port } = server.address() as AddressInfo;
  const took = await tcpProbe()(instance(`tcp@127.0.0.1:${port}`));
  expect(took).toBeGreaterThan(0);
  expect(took).toBeLessThan(3000);
  const [socket] = (await accepted) as [import('node:net').Socket];
  socket.resume();
  if (!socket.closed) await once(socket, 'close');
  server.close();
  await once(server, 'close');
  await expect(tcpProbe()(instance(`tcp@127.0.0.1:${port}`))).rejects.toThrow('ECONNREFUSED');
});

it('reaches a Unix socket by its path', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'probe-'));
  const server = createServer((socket) => socket.resume()).listen(join(folder, 's'));
  await once(server, 'listening');
  expect(await tcpProbe()(instance(`unix@${join(folder, 's')}`))).toBeLessThan(3000);
  server.close();
  await once(server, 'close');
  rmSync(folder, { recursive: true });
});

it('rejects addresses that have no port, and options that are no time', async () => {
  for (const address of ['memory@orders', '', 'tcp@']) await expect(tcpProbe()(instance(address))).rejects.toThrow(TypeError);
  for (const timeoutMs of [0, -1, Number.NaN, 2 ** 31]) expect(() => tcpProbe({ timeoutMs })).toThrow('timeoutMs');
});
