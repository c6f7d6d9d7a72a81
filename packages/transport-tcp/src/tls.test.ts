import { readFileSync } from 'node:fs';
import { connect as connectPlain, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { splitHostPort } from '@rpcxjs/core';
import { closeAfterEach, dial, Heard, later, pair, rejection, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import type { TcpTlsOptions } from './tls-options.ts';
import { tcp } from './tcp.ts';

closeAfterEach();

const pem = (name: string): string => readFileSync(new URL(`../test/fixtures/${name}`, import.meta.url), 'utf8');
const ca = pem('ca.crt');
const identity = (name: string): TcpTlsOptions => ({ cert: pem(`${name}.crt`), key: pem(`${name}.key`) });
const here = { network: 'tcp', host: '127.0.0.1:0' };
const serving = tcp({ tls: identity('server') });
const trusting = tcp({ tls: { ca } });

describe('TLS', () => {
  it('carries bytes both ways and shows the client whom it reached', async () => {
    const { client, server, clientHeard, serverHeard } = await pair(serving, trusting, here);
    const large = Buffer.alloc(1_000_000, 'abcdefg');
    client.write(large);
    server.write(Buffer.from('answer'));
    await until(() => serverHeard.bytes.length === large.length && clientHeard.text === 'answer');
    expect(serverHeard.bytes.equals(large)).toBe(true);
    expect(client.certificate).toMatchObject({ subject: 'CN=localhost', alternativeNames: ['DNS:localhost', 'IP Address:127.0.0.1'] });
    expect(client.certificate?.fingerprint256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(server.certificate).toBe(undefined);
  });

  it('never reuses a buffer that is still to be encrypted', async () => {
    const { client, serverHeard } = await pair(serving, trusting, here);
    let expected = '';
    for (let round = 0; round < 100; round++) {
      const buffer = Buffer.alloc(1000, 97 + (round % 26));
      expected += buffer.toString();
      client.write(buffer);
      if (client.bufferedBytes === 0) buffer.fill(0x21);
    }
    await until(() => serverHeard.bytes.length === 100_000);
    expect(serverHeard.text).toBe(expected);
  });

  it('reads into the one buffer too, on both sides', async () => {
    const { client, server, clientHeard, serverHeard } = await pair(serving, trusting, here);
    client.write(Buffer.from('ping'));
    server.write(Buffer.from('pong'));
    await until(() => serverHeard.text === 'ping' && clientHeard.text === 'pong');
    expect(new Set([...clientHeard.buffers, ...serverHeard.buffers]).size).toBe(1);
  });

  it('takes servername for the name to verify', async () => {
    const { listener } = await serve(tcp({ tls: identity('elsewhere') }), here);
    const client = await dial(tcp({ tls: { ca, servername: 'elsewhere.example' } }), listener.address);
    expect(client.certificate?.subject).toBe('CN=elsewhere.example');
  });

  it('speaks nothing older than 1.2', async () => {
    const { listener, lines } = await serve(serving, here);
    const { host, port } = splitHostPort(listener.address.host);
    const old = connectTls({ host, port, ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' });
    later(() => old.destroy());
    const error = await new Promise<Error>((resolve) => old.once('error', resolve));
    expect(error).toBeInstanceOf(Error);
    await until(() => lines.length > 0);
    expect(lines).toMatchObject([{ level: 'warn', message: expect.stringContaining('speaks no TLS version that is allowed here; 1.2 is the least') as string }]);
    expect(() => tcp({ tls: { ...identity('server'), minVersion: 'TLSv1.3' } })).not.toThrow();
  });

  it('prefers the quicker AES of TLS 1.3, as Go does', async () => {
    const { listener } = await serve(serving, here);
    const { port } = splitHostPort(listener.address.host);
    const socket = connectTls({ host: '127.0.0.1', port, servername: 'localhost', ca });
    later(() => socket.destroy());
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.getCipher().name).toBe('TLS_AES_128_GCM_SHA256');
  });

  it('refuses at construction a name that is spelled wrong and a value of another kind, which would be no check at all', () => {
    const say = (options: object): string => {
      try {
        tcp(options);
        return 'nothing';
      } catch (error) {
        return String(error);
      }
    };
    expect(say({ tls: { ca, clientCertificate: 'required' } })).toBe("TypeError: tcp: tls.clientCertificate is \"required\"; give 'ignore' or 'request' or 'require'");
    expect(say({ tls: { ca, rejectUnauthorized: false } })).toContain('TypeError: tcp has no option "tls.rejectUnauthorized": it takes cert, key, ca');
    expect(say({ tls: { insecureSkipVerify: 'no' } })).toContain('tls.insecureSkipVerify is "no"; give true or false');
    expect(say({ tls: { minVersion: 'TLSv1' } })).toContain("tls.minVersion is \"TLSv1\"; give 'TLSv1.2' or 'TLSv1.3'");
    expect(say({ tls: { ca: [ca, 5] } })).toContain('tls.ca is a list; give PEM text, its bytes, or a list of them');
    expect(say({ tls: { passphrase: 5 } })).toBe('TypeError: tcp: tls.passphrase is number; give a string');
    for (const tls of [false, null, 'x', []]) expect(say({ tls })).toContain("true for a client that trusts the system's authorities, or leave it out");
    expect(say({ timeoutMs: 5 })).toContain('TypeError: tcp has no option "timeoutMs": it takes tls, connectTimeoutMs');
    expect(say('tcp@localhost:1' as never)).toContain('TypeError: tcp is "tcp@localhost:1": it takes an object with some of tls, ');
    expect(say({ tls: { cert: undefined, key: undefined, ca: undefined, servername: undefined } })).toBe('nothing');
  });

  it('refuses at construction what cannot be used', () => {
    expect(() => tcp({ tls: { cert: pem('server.crt'), key: pem('client.key') } })).toThrow(/^tcp: tls\.cert, tls\.key or tls\.ca cannot be used: .*; give PEM text/);
    // Node passes over what is no certificate, and trusts nobody then.
    for (const none of ['/etc/ssl/ca.pem', '', Buffer.of(0x30, 0x82)]) expect(() => tcp({ tls: { ca: [ca, none] } })).toThrow('tls.ca holds no certificate in PEM; give PEM text, not the path of its file');
    expect(() => tcp({ tls: { ca: '-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----' } })).toThrow('cannot be used');
    expect(() => tcp({ tls: { ca: [] } })).toThrow('tls.ca is an empty list');
    expect(() => tcp({ tls: { ca: `# a comment\n${ca}${pem('self.crt')}` } })).not.toThrow();
  });

  it('refuses to listen without a certificate', async () => {
    expect((await rejection(serve(trusting, here))).message).toBe('tcp: a TLS server needs tls.cert and tls.key');
  });
});

describe('a server that cannot be verified', () => {
  const cases: readonly (readonly [string, string, TcpTlsOptions | true, RegExp])[] = [
    ['has expired', 'expired', { ca }, /CERT_HAS_EXPIRED, the certificate has expired: renew it/],
    ['is for another host', 'elsewhere', { ca }, /ERR_TLS_CERT_ALTNAME_INVALID, the certificate is for another host: dial a name that it lists, or set tls\.servername/],
    ['signed itself', 'self', true, /DEPTH_ZERO_SELF_SIGNED_CERT, the certificate is self-signed: put it into tls\.ca/],
    ['was signed by somebody unknown', 'server', true, /UNABLE_TO_VERIFY_LEAF_SIGNATURE, .*: put that authority into tls\.ca/],
  ];
  for (const [what, name, tls, sentence] of cases) {
    it(`is refused when its certificate ${what}`, async () => {
      const { listener } = await serve(tcp({ tls: identity(name) }), here);
      const error = await rejection(dial(tcp({ tls }), listener.address));
      expect(error).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false });
      expect(error.message).toMatch(sentence);
    });
  }

  it('is dialled with insecureSkipVerify, and presents no certificate then', async () => {
    const { client } = await pair(tcp({ tls: identity('self') }), tcp({ tls: { insecureSkipVerify: true } }), here);
    expect(client.certificate).toBe(undefined);
  });

  it('is told apart from one that speaks no TLS', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).resume().end('220 smtp.example ESMTP, and some more text\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    later(() => new Promise((resolve) => server.close(resolve)));
    const error = await rejection(dial(trusting, { network: 'tcp', host: `127.0.0.1:${(server.address() as AddressInfo).port}` }));
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED' });
    expect(error.message).toMatch(/the other side does not speak TLS: give both sides the tls option, or neither/);
  });

  it.each(['ends', 'is reset'])('is told apart from one that %s instead of shaking hands, such as a plain rpcx server', async (how) => {
    const server = createServer((socket) => socket.once('data', () => (how === 'ends' ? socket.end() : socket.resetAndDestroy())));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    later(() => new Promise((resolve) => server.close(resolve)));
    const error = await rejection(dial(trusting, { network: 'tcp', host: `127.0.0.1:${(server.address() as AddressInfo).port}` }));
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED' });
    expect(error.message).toMatch(/ECONNRESET, the other side hung up during the TLS handshake: does it speak TLS, and/);
  });
});

it.each([
  [42, 'BAD_CERTIFICATE, the other side does not accept our certificate'],
  [43, 'UNSUPPORTED_CERTIFICATE, the other side says that our certificate was not made for this purpose'],
  [45, 'CERTIFICATE_EXPIRED, the other side says that our certificate has expired'],
  [40, 'HANDSHAKE_FAILURE, the two sides have no cipher or certificate kind in common'],
])('a dial that the other side ends with TLS alert %i says the same in every version of Node: ERR_SSL_SSLV3_ALERT_%s', async (alert, said) => {
  const server = createServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.end(Uint8Array.of(21, 3, 3, 0, 2, 2, alert)));
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  later(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect((await rejection(dial(trusting, { network: 'tcp', host: `127.0.0.1:${port}` }))).message).toContain(`: ERR_SSL_SSLV3_ALERT_${said}`);
});

describe('mutual TLS', () => {
  const demanding = tcp({ tls: { ...identity('server'), ca, clientCertificate: 'require' } });

  it('shows the server who the client is', async () => {
    const { client, server } = await pair(demanding, tcp({ tls: { ...identity('client'), ca } }), here);
    expect(server.certificate).toMatchObject({ subject: 'O=Orders\\, Inc., CN=orders', alternativeNames: ['URI:spiffe://example.org/orders', 'DNS:orders.internal'] });
    expect(client.certificate?.subject).toBe('CN=localhost');
  });

  it('tells a client without a certificate that it needs one, although its own handshake was over', async () => {
    const { listener } = await serve(demanding, here);
    const heard = new Heard();
    const connection = await dial(trusting, listener.address);
    connection.start(heard);
    await until(() => heard.closes.length > 0);
    expect(heard.closes[0]).toMatchObject({ reason: 'CONNECTION_LOST', message: expect.stringContaining('the server asks for a client certificate: set tls.cert and tls.key') as string });
  });

  it('accepts nobody without a certificate, and says so once', async () => {
    const { listener, accepted, lines } = await serve(demanding, here);
    // With TLS 1.3 the client is through before the server has looked at its certificate.
    const heard = new Heard();
    const error = await dial(trusting, listener.address).then(async (connection) => {
      connection.start(heard);
      await until(() => heard.closes.length > 0);
      return heard.closes[0];
    }, (cause: Error) => cause);
    expect(error).toMatchObject({ code: 'unavailable' });
    await until(() => lines.length > 0);
    expect(lines).toMatchObject([{ level: 'warn', message: 'a TLS handshake failed: the client sent no certificate: set its tls.cert and tls.key' }]);
    expect(accepted.length).toBe(0);
  });

  it('accepts nobody with a certificate that it does not trust', async () => {
    const { listener, accepted, lines } = await serve(demanding, here);
    const heard = new Heard();
    await dial(tcp({ tls: { ...identity('self'), ca } }), listener.address).then(async (connection) => {
      connection.start(heard);
      await until(() => heard.closes.length > 0);
    }, () => {});
    await until(() => lines.length > 0);
    expect(lines).toMatchObject([{ level: 'warn', message: 'a TLS handshake failed: the certificate is self-signed: put it into tls.ca to trust it' }]);
    expect(accepted.length).toBe(0);
  });

  it('takes an unverified client where certificates are only requested, and presents none', async () => {
    const asking = tcp({ tls: { ...identity('server'), ca, clientCertificate: 'request' } });
    expect((await pair(asking, tcp({ tls: { ...identity('self'), ca } }), here)).server.certificate).toBe(undefined);
    expect((await pair(asking, trusting, here)).server.certificate).toBe(undefined);
    expect((await pair(asking, tcp({ tls: { ...identity('client'), ca } }), here)).server.certificate?.subject).toContain('CN=orders');
  });
});

describe('what comes to a TLS port and is no TLS', () => {
  it('B11: HTTP costs one connection and one line with a hint', async () => {
    const { listener, accepted, lines } = await serve(serving, here);
    const { host, port } = splitHostPort(listener.address.host);
    const socket = connectPlain({ host, port });
    later(() => socket.destroy());
    let closed = false;
    socket.on('error', () => {}).on('close', () => (closed = true)).resume();
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => closed && lines.length > 0);
    expect(lines).toMatchObject([{ level: 'warn', message: expect.stringContaining('this looks like HTTP on a TLS port') as string }]);
    expect(accepted.length).toBe(0);
    await pair(serving, trusting, here);
  });

  it('B11: a plain rpcx client costs one connection and one line with a hint', async () => {
    const { listener, accepted, lines } = await serve(serving, here);
    const connection = await dial(tcp(), listener.address);
    const heard = new Heard();
    connection.start(heard);
    connection.write(Uint8Array.of(8, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0));
    await until(() => heard.closes.length > 0 && lines.length > 0);
    expect(lines).toMatchObject([{ level: 'warn', message: expect.stringContaining('does not speak TLS') as string }]);
    expect(accepted.length).toBe(0);
  });

  it('B11: a port scan is no warning', async () => {
    const { listener, lines } = await serve(serving, here);
    const { host, port } = splitHostPort(listener.address.host);
    const socket = connectPlain({ host, port }, () => socket.end());
    socket.resume();
    later(() => socket.destroy());
    await until(() => lines.length > 0);
    expect(lines).toMatchObject([{ level: 'debug', message: 'a client left during its TLS handshake' }]);
  });

  it('is cut after handshakeTimeoutMs when it says nothing', async () => {
    const { listener, lines } = await serve(tcp({ tls: identity('server'), handshakeTimeoutMs: 60 }), here);
    const { host, port } = splitHostPort(listener.address.host);
    const socket = connectPlain({ host, port });
    let closed = false;
    socket.on('error', () => {}).on('close', () => (closed = true)).resume();
    later(() => socket.destroy());
    await until(() => closed);
    expect(lines).toMatchObject([{ level: 'warn', message: 'a TLS handshake failed: the other side did not finish the TLS handshake: does it speak TLS?' }]);
  });

  it('is ended by close() of the listener while in its handshake', async () => {
    const { listener, lines } = await serve(serving, here);
    const { host, port } = splitHostPort(listener.address.host);
    const socket = connectPlain({ host, port });
    let closed = false;
    socket.on('error', () => {}).on('close', () => (closed = true)).resume();
    later(() => socket.destroy());
    // A whole handshake of somebody else shows that the server has seen the silent one, too.
    const other = await dial(trusting, listener.address);
    await listener.close();
    await until(() => closed);
    other.abort();
    expect(lines.every((line) => line.level === 'debug')).toBe(true);
  });
});

describe('TLS by a function', () => {
  const changing = (now: TcpTlsOptions): { now: TcpTlsOptions } => ({ now });

  it('begins each accepted connection with what it gives then, and leaves those that are there alone', async () => {
    const given = changing(identity('elsewhere'));
    const { listener, accepted } = await serve(tcp({ tls: () => given.now }), here);
    const old = await dial(tcp({ tls: { ca, servername: 'elsewhere.example' } }), listener.address);
    expect((await rejection(dial(trusting, listener.address))).message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    given.now = identity('server');
    const client = await dial(trusting, listener.address);
    expect(client.certificate?.subject).toBe('CN=localhost');
    await until(() => accepted.length >= 2);
    const heard = new Heard();
    old.start(heard);
    accepted[0]?.start(new Heard());
    accepted[0]?.write(Buffer.from('still here'));
    await until(() => heard.text === 'still here');
  });

  it('dials with what it gives then', async () => {
    const { listener, accepted } = await serve(tcp({ tls: { ...identity('server'), ca, clientCertificate: 'require' } }), here);
    const given = changing({ ca });
    const client = tcp({ tls: () => given.now });
    // TLS 1.3 tells a client of its refusal after the handshake.
    const heard = new Heard();
    (await dial(client, listener.address)).start(heard);
    await until(() => heard.closes.length > 0);
    given.now = { ca, ...identity('client') };
    await dial(client, listener.address);
    await until(() => accepted.length === 1);
    expect(accepted[0]?.certificate?.subject).toContain('CN=orders');
  });

  it('goes on with what it gave before when that cannot be used, and says so once', async () => {
    const given = changing(identity('server'));
    const { listener, lines } = await serve(tcp({ tls: () => given.now }), here);
    given.now = { cert: pem('server.crt'), key: pem('client.key') };
    for (let round = 0; round < 3; round++) expect((await dial(trusting, listener.address)).certificate?.subject).toBe('CN=localhost');
    expect(lines.map(({ message }) => message)).toEqual([expect.stringContaining('what it gave before stays in use: tcp: tls.cert, tls.key or tls.ca cannot be used: ')]);
  });

  it('must give options at once, from the beginning', () => {
    for (const wrong of [undefined, true, Promise.resolve({})]) expect(() => tcp({ tls: (() => wrong) as never })).toThrow('; it gives { cert, key, ca … } at once');
    expect(() => tcp({ tls: () => ({ cert: 'only half' }) })).toThrow('they belong together');
    expect(() => tcp({ tls: () => ({ certs: '' }) as never })).toThrow('has no option "tls.certs"');
  });
});
