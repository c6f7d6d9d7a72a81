import { expect, it } from 'vitest';
import { quic } from '../src/index.ts';
import type { QuicEngine, QuicTlsOptions } from '../src/index.ts';
import { loadDefaultEngine } from '../src/load-engine.ts';
import { describeWithEngine, Ear, listening, pair, pem, quietRuntime, rejection, runtimeWith, until } from './sides.ts';

const ca = pem('ca.crt');
const trusting = quic({ tls: { ca } });

/** An engine that cannot use one certificate. */
function without(engine: QuicEngine, refused: string): QuicEngine {
  return {
    name: 'an engine', versions: engine.versions, retry: (options, out) => engine.retry(options, out),
    configure(settings) {
      if (settings.certificate === refused) throw new Error('unknown curve');
      return engine.configure(settings);
    },
  };
}

describeWithEngine('tls by a function', () => {
  it('is what each accepted connection begins with, and leaves those that are there alone', async () => {
    let now: QuicTlsOptions = pair('elsewhere');
    const lines: string[] = [];
    const engine = without(await loadDefaultEngine(), pem('client.crt'));
    await using place = await listening({ engine, tls: () => now }, { echo: true, runtime: runtimeWith(lines) });
    const { address } = place.listener;
    const old = new Ear(await quic({ tls: { ca, servername: 'elsewhere.example' } }).dial(address, { runtime: quietRuntime }));
    expect((await rejection(trusting.dial(address, { runtime: quietRuntime }))).message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    const reaches = async (): Promise<string | undefined> => {
      const connection = await trusting.dial(address, { runtime: quietRuntime });
      connection.abort();
      return connection.certificate?.subject;
    };
    now = { ...pair('server'), clientCertificate: 'require' };
    // Whether clients are asked for certificates stays as it was.
    expect(await reaches()).toBe('CN=localhost');
    now = { cert: pem('server.crt'), key: pem('client.key') };
    for (let round = 0; round < 3; round++) expect(await reaches()).toBe('CN=localhost');
    now = pair('client');
    for (let round = 0; round < 3; round++) expect(await reaches()).toBe('CN=localhost');
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([
      expect.stringContaining('what it gave before stays in use: quic: tls.cert, tls.key or tls.ca cannot be used: '),
      expect.stringContaining('what it gave before stays in use: quic: an engine cannot use tls.cert, tls.key or tls.ca: unknown curve'),
    ]);
    old.connection.write(Buffer.from('still here'));
    await until(() => old.text === 'still here', 'the echo of the first connection');
    old.connection.abort();
  });

  it('is what each dial begins with', async () => {
    await using place = await listening({ tls: { ca, ...pair('server'), clientCertificate: 'require' } });
    let now: QuicTlsOptions = { ca };
    const client = quic({ tls: () => now });
    // TLS 1.3 tells a client of its refusal after the handshake.
    const refused = new Ear(await client.dial(place.listener.address, { runtime: quietRuntime }));
    await until(() => refused.ends > 0, 'the refusal');
    now = { ca, ...pair('client') };
    const taken = await client.dial(place.listener.address, { runtime: quietRuntime });
    await until(() => place.accepted.length === 1, 'the connection');
    expect(place.accepted[0]?.connection.certificate?.subject).toContain('CN=orders');
    taken.abort();
  });

  it('must give options at once', () => {
    for (const wrong of [undefined, true, Promise.resolve({})]) expect(() => quic({ tls: (() => wrong) as never })).toThrow('quic: the function tls returned ');
  });
});
