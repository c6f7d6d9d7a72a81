import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { splitHostPort } from '@rpcxjs/core';
import { closeAfterEach, Heard, later, serve, until } from '@rpcxjs/transport-sides';
import { expect, it } from 'vitest';
import { tcp } from './tcp.ts';

closeAfterEach();

const pem = (name: string): string => readFileSync(new URL(`../test/fixtures/${name}`, import.meta.url), 'utf8');

it('a client that negotiates TLS again and again is cut: each time costs a server a handshake', async () => {
  const { listener, accepted } = await serve(tcp({ tls: { cert: pem('server.crt'), key: pem('server.key') } }), { network: 'tcp', host: '127.0.0.1:0' });
  const socket = connect({ ...splitHostPort(listener.address.host), ca: pem('ca.crt'), maxVersion: 'TLSv1.2' });
  later(() => void socket.destroy());
  const heard = new Heard();
  let ended = false;
  let times = 0;
  socket.on('error', () => {}).on('close', () => (ended = true));
  await until(() => accepted.length === 1);
  accepted[0]?.start(heard);
  const again = (): void => {
    if (ended || times === 50) return;
    socket.renegotiate({}, () => {
      times += 1;
      setImmediate(again);
    });
  };
  await until(() => socket.authorized);
  again();
  await until(() => ended || times === 50);
  expect(times).toBeLessThan(10);
  await until(() => heard.closes.length === 1);
  expect(heard.closes[0]).toMatchObject({ reason: 'CONNECTION_LOST' });
});
