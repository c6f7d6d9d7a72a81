import { readFileSync } from 'node:fs';
import { silentLogger } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import type { QuicEngineSettings } from './engine.ts';
import { quicDefaults, resolveQuicOptions } from './quic-options.ts';
import type { QuicOptions } from './quic-options.ts';
import { quic } from './quic.ts';

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');

function settingsOf(options: QuicOptions, side: 'client' | 'server'): QuicEngineSettings {
  const resolved = resolveQuicOptions(options);
  return resolved.settings(side, resolved.tls.current(silentLogger));
}

describe('options of quic()', () => {
  it('that cannot work throw and say what to give', () => {
    const wrong: readonly [QuicOptions, RegExp][] = [
      [{ handshakeTimeoutMs: 0 }, /handshakeTimeoutMs is 0; give milliseconds, 1 to/],
      [{ closeTimeoutMs: -1 }, /closeTimeoutMs is -1/],
      [{ idleTimeoutMs: NaN }, /idleTimeoutMs is NaN/],
      [{ idleTimeoutMs: 10_000 }, /keepAliveMs is 10000 and idleTimeoutMs 10000; give at most half/],
      [{ windowBytes: 100 }, /windowBytes is 100; give bytes, 16384 to/],
      [{ windowBytes: 8_000_000 }, /maxWindowBytes is 4194304, less than windowBytes, 8000000/],
      [{ maxDatagramBytes: 1199 }, /maxDatagramBytes is 1199; give bytes, 1200 to 65527/],
      [{ maxHandshakes: 0 }, /maxHandshakes is 0; give handshakes/],
      [{ alpn: '' }, /alpn is ""; give a name of 1 to 255 bytes/],
      [{ congestionControl: 'vegas' as 'bbr' }, /congestionControl is "vegas"; give 'cubic', 'reno' or 'bbr'/],
      [{ tls: { cert: pem('server.crt') } }, /tls.cert is set without tls.key/],
      [{ tls: { key: pem('server.key') } }, /tls.key is set without tls.cert/],
      [{ tls: { cert: pem('server.crt'), key: pem('client.key') } }, /cannot be used: .*; give PEM text, and a key that belongs to the certificate/],
      [{ tls: { ca: 'no certificate' } }, /cannot be used/],
      [{ tls: { ca: [] } }, /tls.ca is an empty list/],
      [{ tls: { clientCertificate: 'request' as 'require' } }, /clientCertificate is "request"; give 'ignore' or 'require'/],
      [{ tls: { minVersion: 'TLSv1.3' } as object }, /quic has no option "tls.minVersion": it takes cert/],
      [{ timeoutMs: 5 } as object, /quic has no option "timeoutMs": it takes tls/],
      [{ engine: {} as never }, /quic: engine has no configure/],
    ];
    for (const [options, message] of wrong) expect(() => quic(options), JSON.stringify(options).slice(0, 80)).toThrow(expect.objectContaining({ name: 'TypeError', message: expect.stringMatching(message) as string }) as Error);
  });

  it('that are not given have the defaults, and an authority is trusted instead of the system\'s, several as one', () => {
    const settings = (options: QuicOptions): QuicEngineSettings => settingsOf(options, 'client');
    const plain = resolveQuicOptions({});
    expect(plain).toMatchObject(quicDefaults);
    expect(settings({})).toMatchObject({ alpn: ['rpcx'], verify: true, congestionControl: 'cubic' });
    expect(settings({}).authorities.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(50);
    expect(settings({ tls: { ca: [pem('ca.crt'), Buffer.from(pem('self.crt'))] } }).authorities.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });

  it('weaken the verification only where they say so', () => {
    const verify = (options: QuicOptions, side: 'client' | 'server'): boolean => settingsOf(options, side).verify;
    expect(verify({ tls: true }, 'client')).toBe(true);
    expect(verify({ tls: { insecureSkipVerify: true } }, 'client')).toBe(false);
    expect(verify({ tls: { insecureSkipVerify: true, clientCertificate: 'require' } }, 'server')).toBe(true);
    expect(verify({}, 'server')).toBe(false);
  });

  it('a certificate that the engine does not know is a TypeError of the first dial', async () => {
    const engine = { name: 'an engine', versions: [1], configure() { throw new Error('unknown curve'); }, retry: () => 0 };
    await expect(quic({ engine }).dial({ network: 'quic', host: '127.0.0.1:1' }, { runtime: {} as never }))
      .rejects.toThrow(new TypeError('quic: an engine cannot use tls.cert, tls.key or tls.ca: unknown curve; give certificates of ECDSA (P-256) or RSA'));
  });

  it('a server without a certificate, and an address without a port, are a TypeError', async () => {
    const runtime = {} as never;
    await expect(quic().listen({ network: 'quic', host: '127.0.0.1:0' }, { runtime, accept() {} })).rejects.toThrow(new TypeError('quic: a server needs tls.cert and tls.key, for QUIC is always encrypted'));
    await expect(quic().dial({ network: 'quic', host: '127.0.0.1' }, { runtime })).rejects.toThrow(TypeError);
  });
});
