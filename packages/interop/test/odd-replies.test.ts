import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { gzip } from '@rpcxjs/compress-gzip';
import { type Client, createClient, failfast } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { readFrames, type WireFrame, writeFrame } from '../src/index.ts';
import { Arith } from './arith.ts';
import { codecs } from './typescript-server.ts';

type Script = (request: WireFrame) => Buffer[];
const c42 = Buffer.from('81a1432a', 'hex');
const reply = (request: WireFrame, changes: Partial<WireFrame> = {}): Buffer => writeFrame({ ...request, flags: 0x80, metadata: {}, payload: c42, ...changes });

/** A client of a server that answers each request with the frames that the script makes of it. */
async function withServer(script: Script, test: (client: Client) => Promise<void>): Promise<void> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    let bytes: Buffer = Buffer.alloc(0);
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const { frames, rest } = readFrames(Buffer.concat([bytes, chunk]));
      bytes = Buffer.from(rest);
      for (const frame of frames.filter(({ flags }) => flags === 0)) for (const answer of script(frame)) socket.write(answer);
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo; // a TCP server has no other kind of address
  const client = createClient({ servers: `tcp@127.0.0.1:${port}`, transports: [tcp()], codecs, compressors: [gzip], failMode: failfast(), timeoutMs: 5000 });
  try {
    await test(client);
  } finally {
    await client.close();
    for (const socket of open) socket.destroy();
    await new Promise<void>((resolve) => { server.close(() => { resolve(); }); });
  }
}

const mul = (client: Client): Promise<unknown> => client.service(Arith).Mul({ A: 6, B: 7 });

it.each<[string, Script]>([
  ['a reply that nobody asked for', (request) => [reply(request, { seq: 999n }), reply(request)]],
  ['two replies', (request) => [reply(request), reply(request, { payload: Buffer.from('81a14307', 'hex') })]],
  ['a heartbeat of the server', (request) => [writeFrame({ flags: 0x40, seq: 0n, payload: Buffer.from('x') }), reply(request)]],
  ['a request of the server', (request) => [writeFrame({ service: 'a', method: 'b', seq: 0n }), reply(request)]],
  ['a push that nobody hears', (request) => [writeFrame({ flags: 0x20, service: 'a', method: 'b' }), reply(request)]],
  ['a control message from a peer that agreed to nothing', (request) => [writeFrame({ flags: 0x20, service: '_rpcxjs', method: 'cancel.1', seq: request.seq }), reply(request)]],
  ['an answer to another offer', (request) => [writeFrame({ flags: 0xc0, seq: 7n, metadata: { '_rpcxjs-ok': '1;n=0000000000000000;cancel.1' } }), reply(request)]],
  ['a reply in another codec', (request) => [reply(request, { serialize: 1, payload: Buffer.from('{"C":42}') })]],
  ['a reply with the bit of one-way calls', (request) => [reply(request, { flags: 0xa0 })]],
])('%s does no harm: call and connection go on', async (_, script) => {
  await withServer(script, async (client) => {
    for (let round = 0; round < 3; round++) expect(await mul(client)).toEqual({ C: 42 });
    expect(client.stats()).toMatchObject({ connections: 1, failed: 0 });
  });
});

it.each<[string, Partial<WireFrame>, object]>([
  ['is in an unknown codec', { serialize: 7 }, { code: 'unimplemented', reason: 'UNKNOWN_CODEC' }],
  ['is compressed by something unknown', { flags: 0x8c }, { code: 'unimplemented', reason: 'UNKNOWN_COMPRESSOR' }],
  ['does not inflate', { flags: 0x84 }, { code: 'data_loss', reason: 'BAD_PAYLOAD' }],
  ['does not decode', { payload: Buffer.from('c1', 'hex') }, { code: 'data_loss', reason: 'BAD_PAYLOAD' }],
  ['is an error without metadata', { flags: 0x81, payload: Buffer.alloc(0) }, { code: 'unknown', remote: true }],
])('a reply that %s fails its call by name, and the connection goes on', async (_, changes, expected) => {
  let count = 0;
  await withServer((request) => [reply(request, count++ === 0 ? changes : {})], async (client) => {
    await expect(mul(client)).rejects.toMatchObject(expected);
    expect(await mul(client)).toEqual({ C: 42 });
    expect(client.stats().connections).toBe(1);
  });
  if (!('remote' in expected)) await withServer((request) => [reply(request, changes)], async (client) => { await expect(mul(client)).rejects.toThrow('the reply of Arith.Mul'); });
});

it.each<[string, Script, string]>([
  ['speaks HTTP', () => [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], 'BAD_FRAME'],
  ['claims 4 GiB', (request) => [Buffer.concat([reply(request).subarray(0, 12), Buffer.from('ffffffff', 'hex')])], 'FRAME_TOO_LARGE'],
  ['lies about a length within', (request) => [Buffer.concat([reply(request).subarray(0, 16), Buffer.from('00000003', 'hex'), reply(request).subarray(20)])], 'BAD_FRAME'],
])('a server that %s ends its connection, with the reason, at once', async (_, script, reason) => {
  await withServer(script, async (client) => {
    await expect(mul(client)).rejects.toMatchObject({ code: 'unavailable', reason });
    expect(client.stats().connections).toBe(0);
  });
});
