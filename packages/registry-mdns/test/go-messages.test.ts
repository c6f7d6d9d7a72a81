import { createSocket } from 'node:dgram';
import { consoleLogger, systemClock } from '@rpcxjs/core';
import { expect, it, vi } from 'vitest';
import { mdns } from '../src/index.ts';

// What rpcx 1.9.4 sends (serverplugin.NewMDNSRegisterPlugin with zeroconf 1.0.0, host "gopher", domain "golden.local."): two services, and the goodbye of its Stop.
const text = '%5B%7B%22service%22%3A%22Arith%22%2C%22meta%22%3A%22weight%3D3%22%2C%22service_address%22%3A%22tcp%4010.98.0.1%3A8972%22%7D%2C%7B%22service%22%3A%22Other%22%2C%22service_address%22%3A%22tcp%4010.98.0.1%3A8972%22%7D%5D';
const announcement = Buffer.concat([
  Buffer.from('AACAAAAAAAUAAAAABmdvcGhlcg1fcnBjeHNlcnZpY2VzBmdvbGRlbgVsb2NhbAAAIYABAAAMgAAbAAAAACMMBmdvcGhlcgZnb2xkZW4FbG9jYWwAwAwAEIABAAAMgADa2Q==', 'base64'), Buffer.from(text),
  Buffer.from('wBMADAABAAAMgAACwAwJX3NlcnZpY2VzB19kbnMtc2QEX3VkcMAhAAwAAQAADIAAAsATwD8AAYABAAAAeAAECmIAAQ==', 'base64'),
]);
const goodbye = Buffer.concat([
  Buffer.from('AACAAAAAAAUAAAAABmdvcGhlcg1fcnBjeHNlcnZpY2VzBmdvbGRlbgVsb2NhbAAAIYABAAAAAAAbAAAAACMMBmdvcGhlcgZnb2xkZW4FbG9jYWwABmdvcGhlcg1fcnBjeHNlcnZpY2VzBmdvbGRlbgVsb2NhbAAAEIABAAAAAADa2Q==', 'base64'), Buffer.from(text),
  Buffer.from('DV9ycGN4c2VydmljZXMGZ29sZGVuBWxvY2FsAAAMAAEAAAAAACMGZ29waGVyDV9ycGN4c2VydmljZXMGZ29sZGVuBWxvY2FsAAlfc2VydmljZXMHX2Rucy1zZARfdWRwBmdvbGRlbgVsb2NhbAAADAABAAAAAAAcDV9ycGN4c2VydmljZXMGZ29sZGVuBWxvY2FsAAZnb3BoZXIGZ29sZGVuBWxvY2FsAAABgAEAAAAAAAQKYgAB', 'base64'),
]);

it('finds what a Go server announces, each service apart, until its goodbye', async () => {
  await using registry = mdns({ interface: '127.0.0.1', domain: 'golden.local.' });
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.setMulticastInterface('127.0.0.1');
  const say = (message: Buffer): void => socket.send(message, 5353, '224.0.0.251');
  const [arith, other]: unknown[][] = [[], []];
  const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };
  for (const [service, lists] of [['Arith', arith], ['Other', other]] as const) {
    void (async () => {
      for await (const list of registry.watch(service, { runtime })) lists?.push(list);
    })();
  }
  await vi.waitFor(() => {
    say(announcement);
    expect([arith?.at(-1), other?.at(-1)]).toEqual([[{ address: 'tcp@10.98.0.1:8972', metadata: { weight: '3' } }], [{ address: 'tcp@10.98.0.1:8972', metadata: {} }]]);
  }, 5000);
  say(goodbye);
  await vi.waitFor(() => expect([arith?.at(-1), other?.at(-1)]).toEqual([[], []]), 5000);
  socket.close();
});
