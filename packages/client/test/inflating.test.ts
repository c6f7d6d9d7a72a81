import { setImmediate as turn } from 'node:timers/promises';
import type { Compressor } from '@rpcxjs/core';
import { flag } from '@rpcxjs/protocol';
import { expect, it } from 'vitest';
import { rig, until } from './fake-server.ts';

/** Inflates nothing until it is told to. */
function slowCompressor(): { readonly compressor: Compressor; readonly finish: (() => void)[] } {
  const finish: (() => void)[] = [];
  const compressor: Compressor = {
    id: 5,
    name: 'slow',
    compress: (payload) => payload,
    decompress: (payload) => new Promise((resolve) => { finish.push(() => resolve(payload)); }),
  };
  return { compressor, finish };
}
const packed = 5 << flag.compressorShift;

async function settledTurns(): Promise<void> {
  for (let left = 20; left > 0; left--) await turn();
}

it('B3: replies are read on only while few of them are being inflated: each may become 16 MiB', async () => {
  const { compressor, finish } = slowCompressor();
  await using open = await rig({ compressors: [compressor] });
  open.server.onCall = (call) => open.server.reply(call, { flags: packed, payload: call.payload });
  const calls = Array.from({ length: 100 }, (_, index) => open.client.call('S', 'Packed', index));
  for (let ended = 0; ended < 100; ended++) {
    const begun = Math.min(100, ended + 4);
    await until(() => finish.length >= begun);
    await settledTurns();
    expect(finish.length).toBe(begun);
    finish[ended]?.();
  }
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 100 }, (_, index) => index));
});

it('B3: a server that pushes what has to be inflated waits, too, and its replies come behind', async () => {
  const { compressor, finish } = slowCompressor();
  await using open = await rig({ compressors: [compressor] });
  const heard: unknown[] = [];
  open.client.onPush({ kind: 'push', service: 'Feed', name: 'Item' } as never, (value) => void heard.push(value));
  const call = open.client.call('S', 'M', 1);
  const request = await open.server.call(0);
  open.server.send(...Array.from({ length: 1000 }, (_, index) => ({ flags: flag.oneway | packed, service: 'Feed', method: 'Item', payload: String(index) })));
  open.server.reply(request);
  await until(() => finish.length >= 4);
  await settledTurns();
  expect(finish.length).toBe(4);
  for (let at = 0; at < 1000; at++) {
    await until(() => finish.length > at);
    finish[at]?.();
  }
  expect(await call).toBe('ok');
  await until(() => heard.length === 1000);
});

it('a connection that is lost meanwhile ends the calls behind, and those that are being inflated get their replies', async () => {
  const { compressor, finish } = slowCompressor();
  await using open = await rig({ compressors: [compressor] });
  open.server.onCall = (call) => open.server.reply(call, { flags: packed, payload: call.payload });
  const ends = Promise.allSettled(Array.from({ length: 40 }, (_, index) => open.client.call('S', 'Packed', index)));
  await until(() => finish.length === 4);
  open.server.onCall = undefined;
  open.server.connection.abort();
  for (const one of finish) one();
  const outcomes = await ends;
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
  expect(open.client.stats().active).toBe(0);
});
