import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { udpFaultProxy } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { quic } from '../src/index.ts';
import { describeWithEngine, Ear, listening, pair, pem, quietRuntime, rejection, runtimeWith, until } from './sides.ts';

const ca = pem('ca.crt');

describeWithEngine('quic says what is wrong', () => {
  it('a certificate that expired, one for another name, and one from an unknown authority are three messages', async () => {
    const verdicts: [string, string][] = [];
    for (const name of ['expired', 'elsewhere', 'self']) {
      await using place = await listening({ tls: pair(name) });
      const error = await rejection(quic({ tls: { ca } }).dial(place.listener.address, { runtime: quietRuntime }));
      expect(error).toMatchObject({ name: 'RpcError', code: 'unavailable', reason: 'CONNECT_FAILED', sent: false });
      verdicts.push([name, error.message.replace(/.*?: /, '')]);
    }
    await using place = await listening({ tls: pair('server') });
    const error = await rejection(quic().dial(place.listener.address, { runtime: quietRuntime }));
    verdicts.push(['unknown', error.message.replace(/.*?: /, '')]);
    expect(verdicts).toEqual([
      ['expired', 'CERT_HAS_EXPIRED, the certificate has expired: renew it, and check the clock of this machine'],
      ['elsewhere', 'ERR_TLS_CERT_ALTNAME_INVALID, the certificate is for another host: dial a name that it lists, or set tls.servername to one'],
      ['self', 'DEPTH_ZERO_SELF_SIGNED_CERT, the certificate is self-signed: put it into tls.ca to trust it'],
      ['unknown', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY, the certificate comes from an authority that is not known here: put that authority into tls.ca'],
    ]);
  });

  it('a server of another protocol over UDP is told within a second', async () => {
    const socket = createSocket('udp4');
    socket.on('message', (_datagram, { port, address }) => socket.send('what is this?', port, address));
    await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve));
    const began = performance.now();
    const error = await rejection(quic({ tls: { ca } }).dial({ network: 'quic', host: `127.0.0.1:${socket.address().port}` }, { runtime: quietRuntime }));
    socket.close();
    expect(performance.now() - began).toBeLessThan(1000);
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED', message: expect.stringContaining('the other side answers, and not in QUIC: is it a server of kcp') as string });
  });

  it('a name is verified by the engine, an address by the transport, and servername takes the place of both', async () => {
    await using place = await listening({ tls: pair('elsewhere') });
    const { address } = place.listener;
    const named = { network: 'quic', host: address.host.replace('127.0.0.1', 'localhost') };
    for (const where of [address, named]) {
      const error = await rejection(quic({ tls: { ca } }).dial(where, { runtime: quietRuntime }));
      expect(error.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
      const connection = await quic({ tls: { ca, servername: 'elsewhere.example' } }).dial(where, { runtime: quietRuntime });
      expect(connection.certificate).toMatchObject({ subject: 'CN=elsewhere.example', alternativeNames: ['DNS:elsewhere.example'] });
      await connection.close();
    }
    const unseen = await quic({ tls: { insecureSkipVerify: true } }).dial(address, { runtime: quietRuntime });
    expect(unseen.certificate, 'one that was not verified is never shown').toBeUndefined();
    await unseen.close();
  });

  it('another protocol than ours is named on both sides', async () => {
    const lines: string[] = [];
    await using place = await listening({}, { runtime: runtimeWith(lines) });
    const began = performance.now();
    const error = await rejection(quic({ tls: { ca }, alpn: 'h3' }).dial(place.listener.address, { runtime: quietRuntime }));
    expect(performance.now() - began).toBeLessThan(1000);
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED', message: expect.stringContaining('the server does not speak "h3" (ALPN)') as string });
    await until(() => lines.length > 0, 'a line in the log of the server');
    expect(lines).toEqual([expect.stringContaining('warn: a QUIC handshake failed: the client does not offer "rpcx" (ALPN)')]);
  });

  it('a client certificate is asked for, verified and shown', async () => {
    const lines: string[] = [];
    await using place = await listening({ tls: { ca, ...pair('server'), clientCertificate: 'require' } }, { runtime: runtimeWith(lines) });
    const good = new Ear(await quic({ tls: { ca, ...pair('client') } }).dial(place.listener.address, { runtime: quietRuntime }));
    good.connection.write(Buffer.from('x'));
    await until(() => place.accepted.length === 1, 'the connection was accepted');
    expect(place.accepted[0]?.connection.certificate).toMatchObject({ subject: 'O=Orders\\, Inc., CN=orders', alternativeNames: ['URI:spiffe://example.org/orders', 'DNS:orders.internal'] });
    good.connection.abort();
    // TLS 1.3 tells a client without a certificate only when it reads.
    const without = new Ear(await quic({ tls: { ca } }).dial(place.listener.address, { runtime: quietRuntime }));
    await until(() => without.ends > 0, 'the client without a certificate is turned away');
    expect(without.reason).toMatchObject({ reason: 'CONNECTION_LOST', message: expect.stringContaining('the server asks for a client certificate') as string });
    const unknown = new Ear(await quic({ tls: { ca, ...pair('self') } }).dial(place.listener.address, { runtime: quietRuntime }));
    await until(() => unknown.ends > 0, 'the client with a certificate that nobody signed is turned away');
    expect(unknown.reason?.message).toContain('the other side does not trust our certificate');
    const ofServers = new Ear(await quic({ tls: { ca, ...pair('server') } }).dial(place.listener.address, { runtime: quietRuntime }));
    await until(() => ofServers.ends > 0, 'the client with the certificate of a server is turned away');
    expect(ofServers.reason?.message).toContain('ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, the other side says that our certificate was not made for this purpose');
    expect(place.accepted).toHaveLength(1);
    await until(() => lines.length === 3, 'three lines in the log of the server');
    expect(lines).toEqual([expect.stringContaining('the client sent no certificate'), expect.stringContaining('is self-signed'), expect.stringContaining('was not made for this purpose')]);
  });

  it('nobody behind the port, and a TCP server behind it, are told at once', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => { server.once('listening', resolve); });
    const { port } = server.address() as { port: number };
    const began = performance.now();
    const error = await rejection(quic({ tls: { ca } }).dial({ network: 'quic', host: `127.0.0.1:${port}` }, { runtime: quietRuntime }));
    expect(performance.now() - began).toBeLessThan(1000);
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED', address: `quic@127.0.0.1:${port}`, message: expect.stringContaining('ECONNREFUSED, nobody listens there') as string });
    await new Promise((resolve) => { server.close(resolve); });
  });

  it('port 0 can be listened on, and is nobody to dial', async () => {
    const dialling = quic({ tls: { ca } }).dial({ network: 'quic', host: '127.0.0.1:0' }, { runtime: quietRuntime });
    await expect(dialling).rejects.toThrow(new TypeError('"127.0.0.1:0" is nobody\'s address: port 0 can be listened on, not dialled'));
  });

  it('a UDP server that says nothing, or nonsense, ends the dial when its time is over', async () => {
    const mute = createSocket('udp4');
    await new Promise<void>((resolve) => { mute.bind(0, '127.0.0.1', resolve); });
    mute.on('message', (datagram, { port, address }) => mute.send(datagram.map((byte) => byte ^ 0x55), port, address));
    const error = await rejection(quic({ tls: { ca }, handshakeTimeoutMs: 100 }).dial({ network: 'quic', host: `127.0.0.1:${mute.address().port}` }, { runtime: quietRuntime }));
    expect(error.message).toContain('no QUIC server answered within 100 ms: is it a QUIC server, and does a firewall drop UDP?');
    await new Promise<void>((resolve) => { mute.close(resolve); });
  });

  it('an address that the system does not let through says so', async () => {
    const error = await rejection(quic().dial({ network: 'quic', host: '255.255.255.255:1' }, { runtime: quietRuntime }));
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED', message: expect.stringContaining('EACCES') as string });
  });

  it('a name that does not resolve says so', async () => {
    const error = await rejection(quic().dial({ network: 'quic', host: 'no.such.host.invalid:1' }, { runtime: quietRuntime }));
    expect(error.message).toMatch(/ENOTFOUND|EAI_AGAIN/);
  });

  it('an occupied UDP port says so', async () => {
    const other = createSocket('udp4');
    await new Promise<void>((resolve) => { other.bind(0, '127.0.0.1', resolve); });
    const error = await rejection(listening({}, { at: `127.0.0.1:${other.address().port}` }));
    expect(error).toMatchObject({ reason: 'LISTEN_FAILED', message: expect.stringContaining('EADDRINUSE, somebody listens there already') as string });
    await new Promise<void>((resolve) => { other.close(resolve); });
  });

  it('a dial gives up when its signal aborts, at every moment', async () => {
    await using place = await listening();
    for (let moment = 0; moment < 12; moment++) {
      const controller = new AbortController();
      const reason = new Error('enough');
      const dialling = rejection(quic({ tls: { ca } }).dial(place.listener.address, { runtime: quietRuntime, signal: controller.signal }).then((connection) => {
        connection.abort();
        throw reason;
      }));
      for (let turn = 0; turn < moment; turn++) await new Promise((resolve) => { setImmediate(resolve); });
      controller.abort(reason);
      expect(await dialling).toBe(reason);
    }
  });

  it('a server that takes no connections any more refuses at once', async () => {
    await using place = await listening();
    const kept = new Ear(await place.transport.dial(place.listener.address, { runtime: quietRuntime }));
    await until(() => place.accepted.length === 1, 'the connection was accepted');
    await place.listener.close();
    const began = performance.now();
    const error = await rejection(place.transport.dial(place.listener.address, { runtime: quietRuntime }));
    expect(performance.now() - began).toBeLessThan(1000);
    expect(error.message).toContain('takes no connections now (CONNECTION_REFUSED: nobody listens here any more)');
    expect(kept.ends).toBe(0);
    kept.connection.abort();
  });

  it('a server that died is noticed with the next datagram', async () => {
    await using place = await listening();
    const proxy = await udpFaultProxy({ target: place.listener.address });
    const client = new Ear(await quic({ tls: { ca }, keepAliveMs: 50 }).dial(proxy.address, { runtime: quietRuntime }));
    client.connection.write(Buffer.from('x'));
    await until(() => place.accepted[0]?.bytes === 1, 'the byte arrived');
    // As if its process had been killed: the port closes without a word.
    await proxy.close();
    await until(() => client.ends > 0, 'the client notices', 2000);
    expect(client.reason).toMatchObject({ reason: 'CONNECTION_LOST', message: expect.stringContaining('ECONNREFUSED') as string });
  });
});
