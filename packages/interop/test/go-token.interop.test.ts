import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { Codec } from '@rpcxjs/core';
import { msgpack } from '@rpcxjs/codec-msgpack';
import { type GoClient, startGoClient } from '../src/index.ts';
import { startTypeScriptServer, type TypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

const call = { shape: 'Args', args: { A: 6, B: 7 }, reply: 'Reply' };

describeWithGo('the token of a Go client', () => {
  let go: GoClient;
  let peer: TypeScriptServer;
  const decoded = vi.fn();
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
    [go, peer] = await Promise.all([startGoClient(), startTypeScriptServer({ codecs: [watched], auth: (token) => token === 'secret' })]);
  });
  afterAll(async () => { await Promise.all([go.process.stop(), peer.server.close()]); });
  beforeEach(() => { decoded.mockClear(); });

  it('lets it in when it is right', async () => {
    const connection = await go.connect({ servers: [peer.address], mode: 'xclient', token: 'secret' });
    expect(await connection.call('Arith', 'Mul', call)).toMatchObject({ value: { C: 42 } });
    expect(decoded).toHaveBeenCalledTimes(1);
    await connection.close();
  });

  it.each(['wrong', ''])('keeps it out when it is "%s", before anything is decoded, and ends its connection', async (token) => {
    const connection = await go.connect({ servers: [peer.address], mode: 'xclient', token });
    const { error, serviceError } = await connection.call('Arith', 'Mul', call);
    expect(error).toContain('token');
    expect(serviceError).toBe(true);
    await vi.waitFor(() => { expect(peer.server.stats().connections).toBe(0); });
    expect(decoded).not.toHaveBeenCalled();
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
