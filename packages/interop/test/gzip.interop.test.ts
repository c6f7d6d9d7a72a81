import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gzip } from '@rpcxjs/compress-gzip';
import { createClient } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { type GoClient, type GoServer, startGoClient, startGoServer, startRecorder, type WireFrame } from '../src/index.ts';
import { Arith } from './arith.ts';
import { codecs, startTypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

const compressor = (frame: WireFrame): number => (frame.flags & 0x1c) >> 2;
const says = (frames: readonly WireFrame[]): readonly WireFrame[] => frames.filter(({ method }) => method === 'Say');
const ofLength = (length: number): string => '服'.repeat(Math.floor(length / 3)).padEnd(length - 2 * Math.floor(length / 3), 'w');

// One call at a time: Go's gzip hands a buffer on that another call may be filling.
describeWithGo('gzip, in Go\'s way', () => {
  let goServer: GoServer;
  let goClient: GoClient;
  beforeAll(async () => { [goServer, goClient] = await Promise.all([startGoServer(), startGoClient()]); });
  afterAll(async () => { await Promise.all([goServer.process.stop(), goClient.process.stop()]); });

  it('a TypeScript client compresses payloads above 1024 bytes, and Go compresses its reply to those', async () => {
    await using recorder = await startRecorder(goServer.address);
    await using client = createClient({ servers: recorder.address, transports: [tcp()], codecs, compressors: [gzip] });
    const arith = client.service(Arith);
    // The msgpack around the text is 9 bytes: 81, a4 "Text", da and two of length.
    for (const length of [3, 1015, 1016, 5000, 200_000]) {
      const Text = ofLength(length);
      expect(Buffer.byteLength(Text)).toBe(length);
      expect(await arith.Say({ Text })).toEqual({ Text });
    }
    expect(says(recorder.sent()).map(compressor)).toEqual([0, 0, 1, 1, 1]);
    expect(says(recorder.received()).map(compressor)).toEqual([0, 0, 1, 1, 1]);
    const [, , , request] = says(recorder.sent());
    expect(gunzipSync(request!.payload)).toHaveLength(5009);
  });

  it('a long reply to a request that was not compressed is not compressed, on both sides', async () => {
    await using recorder = await startRecorder(goServer.address);
    await using client = createClient({ servers: recorder.address, transports: [tcp()], codecs, compressors: [gzip] });
    expect(await client.service(Arith).Say({ Text: 'w*9000' })).toEqual({ Text: 'w'.repeat(9000) });
    expect(says(recorder.received()).map(compressor)).toEqual([0]);
    await using peer = await startTypeScriptServer({ compressors: [gzip] });
    await using mirror = await startRecorder(peer.address);
    const connection = await goClient.connect({ servers: [mirror.address], compress: 1 });
    expect(await connection.call('Arith', 'Say', { shape: 'Text', args: { Text: 'w*9000' }, reply: 'Text' })).toMatchObject({ value: { Text: 'w'.repeat(9000) } });
    expect(says(mirror.received()).map(compressor)).toEqual([0]);
    await connection.close();
  });

  it('a TypeScript server inflates what a Go client compressed, and compresses its reply', async () => {
    await using peer = await startTypeScriptServer({ compressors: [gzip] });
    await using recorder = await startRecorder(peer.address);
    const connection = await goClient.connect({ servers: [recorder.address], compress: 1 });
    for (const length of [3, 1015, 1016, 5000, 200_000]) {
      const Text = ofLength(length);
      expect((await connection.call('Arith', 'Say', { shape: 'Text', args: { Text }, reply: 'Text' })).value, `${length}`).toEqual({ Text });
    }
    expect(says(recorder.sent()).map(compressor)).toEqual([0, 0, 1, 1, 1]);
    expect(says(recorder.received()).map(compressor)).toEqual([0, 0, 1, 1, 1]);
    await connection.close();
  });

  it('a reply of 1024 bytes to a compressed request is not compressed, one of 1025 is', async () => {
    await using peer = await startTypeScriptServer({ compressors: [gzip] });
    await using recorder = await startRecorder(peer.address);
    const connection = await goClient.connect({ servers: [recorder.address] });
    for (const [seq, text] of ['w*1015', 'w*1016'].entries()) {
      const argsHex = `81a454657874a6${Buffer.from(text).toString('hex')}`;
      const answer = await connection.raw('Arith', 'Say', { seq: BigInt(seq), serialize: 3, compress: 1, argsHex });
      expect(Buffer.from(answer.hex ?? '', 'hex'), answer.error).toHaveLength(1024 + seq);
    }
    expect(says(recorder.received()).map(compressor)).toEqual([0, 1]);
    await connection.close();
  });

  it('raw bytes are compressed as well, empty ones never', async () => {
    await using recorder = await startRecorder(goServer.address);
    await using client = createClient({ servers: recorder.address, transports: [tcp()], codecs, compressors: [gzip] });
    const bytes = client.service<{ Echo(payload: Uint8Array): Promise<Uint8Array | undefined> }>('Bytes', { codec: 'bytes' });
    const payload = new Uint8Array(3000).map((_, index) => index * 7);
    expect(await bytes.Echo(payload)).toEqual(payload);
    await bytes.Echo(new Uint8Array(0));
    expect(recorder.sent().filter(({ method }) => method === 'Echo').map(compressor)).toEqual([1, 0]);
  });

  it('a payload that would become too long is refused, and the connection goes on: on the client', async () => {
    await using client = createClient({ servers: goServer.address, transports: [tcp()], codecs, compressors: [gzip], limits: { maxInflatedBytes: 10_000 } });
    const arith = client.service(Arith);
    await expect(arith.Say({ Text: 'w'.repeat(20_000) })).rejects.toMatchObject({ code: 'resource_exhausted' });
    expect(await arith.Say({ Text: 'w'.repeat(5000) })).toEqual({ Text: 'w'.repeat(5000) });
    expect(client.stats().connections).toBe(1);
  });

  it('a payload that would become too long is refused, and the connection goes on: on the server, whose handler is not reached', async () => {
    await using peer = await startTypeScriptServer({ compressors: [gzip] });
    let reached = 0;
    peer.server.registerFunction('Bomb', 'Say', () => { reached += 1; });
    const connection = await goClient.connect({ servers: [peer.address], compress: 1 });
    const bomb = await connection.call('Bomb', 'Say', { shape: 'Text', args: { Text: 'w'.repeat(17 * 1024 * 1024) }, reply: 'Text' });
    expect(bomb.error).toContain('16777216');
    expect(reached).toBe(0);
    expect(await connection.call('Arith', 'Mul', { shape: 'Args', args: { A: 6, B: 7 }, reply: 'Reply' })).toMatchObject({ value: { C: 42 } });
    await connection.close();
  });

  it('a server without a compressor says so, and the connection goes on', async () => {
    await using peer = await startTypeScriptServer();
    const connection = await goClient.connect({ servers: [peer.address], compress: 1 });
    expect((await connection.call('Arith', 'Say', { shape: 'Text', args: { Text: 'w'.repeat(2000) }, reply: 'Text' })).error).toContain('compress');
    expect(await connection.call('Arith', 'Mul', { shape: 'Args', args: { A: 6, B: 7 }, reply: 'Reply' })).toMatchObject({ value: { C: 42 } });
    await connection.close();
  });

  it('a payload that is no gzip is an error of that call', async () => {
    await using peer = await startTypeScriptServer({ compressors: [gzip] });
    await using client = createClient({ servers: peer.address, transports: [tcp()], codecs });
    const payload = new Uint8Array([1, 2, 3]);
    const broken = await client.raw({ service: 'Arith', method: 'Mul', metadata: {}, payload, codecId: 3, compressorId: 1, oneway: false, error: false });
    expect(broken.error).toBe(true);
    expect(await client.service(Arith).Mul({ A: 2, B: 2 })).toEqual({ C: 4 });
  });
});
