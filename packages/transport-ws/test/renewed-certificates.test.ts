import { readFileSync } from 'node:fs';
import { closeAfterEach, dial, Heard, rejection, serve, until } from '@rpcxjs/transport-sides';
import type { TcpTlsOptions } from '@rpcxjs/transport-tcp';
import { describe, expect, it } from 'vitest';
import { webSocket } from '../src/index.ts';

closeAfterEach();

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');
const identity = (name: string): TcpTlsOptions => ({ cert: pem(`${name}.crt`), key: pem(`${name}.key`) });
const ca = pem('ca.crt');
const here = { network: 'wss', host: '127.0.0.1:0' };
const trusting = webSocket({ tls: { ca } });

describe('tls of wss by a function', () => {
  it('is what each accepted connection begins with, and leaves those that are there alone', async () => {
    let now = identity('elsewhere');
    const { listener, accepted, lines } = await serve(webSocket({ tls: () => now }), here);
    const old = await dial(webSocket({ tls: { ca, servername: 'elsewhere.example' } }), listener.address);
    expect((await rejection(dial(trusting, listener.address))).message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    now = identity('server');
    expect((await dial(trusting, listener.address)).certificate?.subject).toBe('CN=localhost');
    now = { cert: pem('server.crt'), key: pem('client.key') };
    for (let round = 0; round < 3; round++) expect((await dial(trusting, listener.address)).certificate?.subject).toBe('CN=localhost');
    expect(lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([expect.stringContaining('what it gave before stays in use: webSocket: tls.cert, tls.key or tls.ca cannot be used: ')]);
    const heard = new Heard();
    old.start(heard);
    accepted[0]?.start(new Heard());
    accepted[0]?.write(Buffer.from('still here'));
    await until(() => heard.text === 'still here');
  });

  it('is what each dial begins with', async () => {
    const { listener, accepted } = await serve(webSocket({ tls: { ...identity('server'), ca, clientCertificate: 'require' } }), here);
    let now: TcpTlsOptions = { ca };
    const client = webSocket({ tls: () => now });
    expect((await rejection(dial(client, listener.address))).message).toContain('could not connect to wss@');
    now = { ca, ...identity('client') };
    await dial(client, listener.address);
    await until(() => accepted.length === 1);
    expect(accepted[0]?.certificate?.subject).toContain('CN=orders');
  });

  it('must give options at once', () => {
    for (const wrong of [undefined, true, Promise.resolve({})]) expect(() => webSocket({ tls: (() => wrong) as never })).toThrow('webSocket: the function tls returned ');
  });
});

describe('the log of a wss server', () => {
  it('says why a client was turned away, and nothing louder than debug of one that leaves by itself', async () => {
    const { listener, lines } = await serve(webSocket({ tls: { ...identity('server'), ca, clientCertificate: 'require' } }), here);
    expect((await rejection(dial(webSocket(), listener.address))).message).toContain('an authority that is not known here');
    await until(() => lines.some(({ message }) => message === 'a client left during its TLS handshake'));
    expect(lines.every(({ level }) => level === 'debug')).toBe(true);
    await rejection(dial(webSocket({ tls: { ca, ...identity('self') } }), listener.address));
    await until(() => lines.some(({ level, message }) => level === 'warn' && message.includes('the certificate is self-signed')));
  });
});
