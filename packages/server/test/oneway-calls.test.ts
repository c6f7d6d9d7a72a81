import type { Compressor, Interceptor, ServerCall } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { frame, onewayFlag } from './frame.ts';
import { gate, openServer, until } from './open-server.ts';

describe('one-way calls', () => {
  it.each(['small', 'compressed', 'queued', 'held by an interceptor'])('are run although their caller went right after them, %s ones too; other calls are not', async (how) => {
    const opened = gate();
    const ran: string[] = [];
    const aborted: boolean[] = [];
    const compressors: Compressor[] = [{ id: 2, name: 'slow', compress: (bytes) => bytes, decompress: async (bytes) => { await opened.promise; return bytes; } }];
    const hold: Interceptor<ServerCall> = (next) => async (call) => { await opened.promise; return next(call); };
    await using open = await openServer({ compressors, limits: { maxCalls: how === 'queued' ? 1 : 100 }, intercept: how === 'held by an interceptor' ? [hold] : [] }, (server) =>
      server.registerFunction('S', 'M', (input: string, call: ServerCall) => { ran.push(input); aborted.push(call.signal.aborted); }).registerFunction('S', 'Hold', () => opened.promise));
    const holder = await open.peer();
    if (how === 'queued') holder.send(frame({ service: 'S', method: 'Hold', sequence: 1n, payload: '1' }));
    await until(() => open.server.stats().running === (how === 'queued' ? 1 : 0));
    const peer = await open.peer();
    const flags = how === 'compressed' ? 2 << 2 : 0;
    for (const [sequence, input] of [[1n, 'a'], [2n, 'b']] as const) peer.send(frame({ service: 'S', method: 'M', sequence, flags: flags | onewayFlag, payload: JSON.stringify(input) }));
    if (how !== 'small') peer.send(frame({ service: 'S', method: 'M', sequence: 3n, flags, payload: '"two-way"' }));
    await until(() => open.server.stats().calls >= 2);
    await peer.close();
    await until(() => open.server.stats().connections === 1);
    opened.open();
    await until(() => open.server.stats().running === 0 && open.server.stats().queued === 0);
    expect([ran, aborted]).toEqual([['a', 'b'], [false, false]]);
  });
});
