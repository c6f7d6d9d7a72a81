import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { Codec, Compressor } from '@rpcxjs/core';
import { gzip } from '@rpcxjs/compress-gzip';
import { msgpack } from '@rpcxjs/codec-msgpack';
import { type GoClient, startGoClient } from '../src/index.ts';
import { startTypeScriptServer, type TypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

const text = 'w'.repeat(2000);
const call = { shape: 'Text', args: { Text: text }, reply: 'Text' };

describeWithGo('the token of a Go client', () => {
  let go: GoClient;
  let peer: TypeScriptServer;
  const decoded = vi.fn();
  const inflated = vi.fn();
  const watchedGzip: Compressor = {
    id: gzip.id,
    name: gzip.name,
    compress: (payload) => gzip.compress(payload),
    decompress(payload, maxBytes) {
      inflated();
      return gzip.decompress(payload, maxBytes);
    },
  };
  const watched: Codec = {
    id: msgpack.id,
    name: msgpack.name,
    encode: msgpack.encode,
    decode(source, start, end) {
      decoded();
      return msgpack.decode(source, start, end);
    },
  };
  beforeAll(async () => {
    [go, peer] = await Promise.all([startGoClient(), startTypeScriptServer({ codecs: [watched], compressors: [watchedGzip], auth: (token) => token === 'secret' })]);
  });
  afterAll(async () => { await Promise.all([go.process.stop(), peer.server.close()]); });
  beforeEach(() => {
    decoded.mockClear();
    inflated.mockClear();
  });

  it('lets it in when it is right', async () => {
    const connection = await go.connect({ servers: [peer.address], mode: 'xclient', token: 'secret', compress: 1 });
    expect(await connection.call('Arith', 'Say', call)).toMatchObject({ value: { Text: text } });
    expect(decoded).toHaveBeenCalledTimes(1);
    expect(inflated).toHaveBeenCalledTimes(1);
    await connection.close();
  });

  it.each(['wrong', ''])('keeps it out when it is "%s", before anything is inflated or decoded, and ends its connection', async (token) => {
    const connection = await go.connect({ servers: [peer.address], mode: 'xclient', token, compress: 1 });
    const { error, serviceError } = await connection.call('Arith', 'Say', call);
    expect(error).toContain('token');
    expect(serviceError).toBe(true);
    await vi.waitFor(() => { expect(peer.server.stats().connections).toBe(0); });
    expect(decoded).not.toHaveBeenCalled();
    expect(inflated).not.toHaveBeenCalled();
    await connection.close();
  });

  it('is not asked of heartbeats', async () => {
    const connection = await go.connect({ servers: [peer.address] });
    expect(await connection.heartbeat()).toMatchObject({ echoed: true });
    await connection.close();
  });

  it('that is wrong says nothing to a one-way caller, and the call is not made', async () => {
    const connection = await go.connect({ servers: [peer.address] });
    await connection.call('Notes', 'Add', { shape: 'Text', args: { Text: 'intruder' }, oneway: true });
    await vi.waitFor(() => { expect(peer.server.stats().connections).toBe(0); });
    expect(peer.notes).toEqual([]);
    expect(decoded).not.toHaveBeenCalled();
  });
});
