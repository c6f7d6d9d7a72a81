import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzip } from '@rpcxjs/compress-gzip';
import { contract, createClient, createServer, isError, push, RpcError, tcp, type, unary, type ClientOptions, type Server } from '@rpcxjs/rpcx';
import { httpConnect } from '@rpcxjs/transport-http-connect';
import { kcp } from '@rpcxjs/transport-kcp';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { unix } from '@rpcxjs/transport-unix';
import { webSocket } from '@rpcxjs/transport-ws';
import { afterAll, describe, expect, it } from 'vitest';

// The cases that gRPC's implementations are tested against each other with (grpc/doc/interop-test-descriptions.md), those of calls with one answer, over each transport.

const pem = (name: string): string => readFileSync(new URL(`../../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');
const secure = { server: { cert: pem('server.crt'), key: pem('server.key') }, client: { ca: pem('ca.crt') } };
const folder = await mkdtemp(join(tmpdir(), 'rpcxjs-cases-'));
afterAll(() => rm(folder, { recursive: true }));

type Transport = ReturnType<typeof tcp>;
const way = (listenOn: string, server: Transport, client: Transport = server): { listenOn: string; server: Transport; client: Transport } => ({ listenOn, server, client });
const ways = {
  tcp: way('tcp@127.0.0.1:0', tcp()),
  tls: way('tcp@127.0.0.1:0', tcp({ tls: secure.server }), tcp({ tls: secure.client })),
  ws: way('ws@127.0.0.1:0', webSocket()),
  wss: way('wss@127.0.0.1:0', webSocket({ tls: secure.server }), webSocket({ tls: secure.client })),
  memory: way('memory@cases', memoryNetwork()),
  unix: way(`unix@${join(folder, 'socket')}`, unix()),
  http: way('http@127.0.0.1:0', httpConnect()),
  kcp: way('kcp@127.0.0.1:0', kcp()),
};

interface Large { readonly size: number; readonly body: Uint8Array }
const Cases = contract('TestService', {
  Empty: unary<void, void>(),
  Large: unary<Large, Large>(),
  Status: unary({ input: type<{ code: string; message: string }>(), output: type<void>(), errors: { refused: type<{ code: string }>() } }),
  Sleep: unary<void, void>(),
  Told: push<string>(),
});
const strange = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';

async function open(name: keyof typeof ways, options: Partial<ClientOptions> = {}): Promise<{ client: ReturnType<typeof createClient>; server: Server; stopped: Promise<string> } & AsyncDisposable> {
  const { listenOn, server: acceptor, client: dialer } = ways[name];
  let stop!: (code: string) => void;
  const stopped = new Promise<string>((resolve) => (stop = resolve));
  const server = createServer({ transports: [acceptor], compressors: [gzip()] });
  server.register(Cases, {
    Empty: () => {},
    Large: ({ size, body }, call) => {
      for (const key of ['x-echo-initial', 'x-echo-trailing']) if (call.metadata[key] !== undefined) call.responseMetadata[key] = call.metadata[key];
      return { size: body.length, body: new Uint8Array(size) };
    },
    Status: ({ code, message }, call) => {
      if (code === 'refused') throw call.fail('refused', { code: message });
      throw new RpcError(code, message);
    },
    // What it would answer at its end could overtake the caller's own clock.
    Sleep: (_, call) => new Promise<void>(() => {
      call.signal.addEventListener('abort', () => stop((call.signal.reason as RpcError).code));
    }),
  });
  const [address = ''] = await server.listen(listenOn);
  const client = createClient({ servers: address, transports: [dialer], ...options });
  const end = async (): Promise<void> => {
    client.abort();
    server.abort();
    await Promise.all([client.close(), server.close()]);
  };
  return { client, server, stopped, [Symbol.asyncDispose]: end };
}
const failure = (call: Promise<unknown>): Promise<unknown> => call.then(() => { throw new Error('it succeeded'); }, (error: unknown) => error);

describe.each(Object.keys(ways) as (keyof typeof ways)[])('A4: gRPC\'s cases of calls over %s', (name) => {
  it('empty_unary, large_unary: nothing, and hundreds of kilobytes each way', async () => {
    await using one = await open(name);
    const service = one.client.service(Cases);
    // Nil is how msgpack says it.
    expect(await service.Empty()).toBeNull();
    expect(await service.Large({ size: 314_159, body: new Uint8Array(271_828).fill(7) })).toEqual({ size: 271_828, body: new Uint8Array(314_159) });
  });

  it('client_compressed_unary, server_compressed_unary: the same through gzip', async () => {
    await using one = await open(name, { compressors: [gzip()] });
    expect(await one.client.service(Cases).Large({ size: 314_159, body: new Uint8Array(271_828).fill(7) })).toEqual({ size: 271_828, body: new Uint8Array(314_159) });
  });

  it('custom_metadata: what is sent along comes back with the reply', async () => {
    await using one = await open(name);
    const metadata = { 'x-echo-initial': 'test_initial_metadata_value', 'x-echo-trailing': strange };
    let back: unknown;
    await one.client.service(Cases).Large({ size: 1, body: new Uint8Array(1) }, { metadata, onReply: (reply) => (back = { ...reply.metadata }) });
    expect(back).toEqual(metadata);
  });

  it('status_code_and_message, special_status_message: code and text arrive as they were given, those of the contract with their details', async () => {
    await using one = await open(name);
    const service = one.client.service(Cases);
    expect(await failure(service.Status({ code: 'unknown', message: 'test status message' }))).toMatchObject({ code: 'unknown', message: 'test status message', remote: true });
    expect(await failure(service.Status({ code: 'failed_precondition', message: strange }))).toMatchObject({ code: 'failed_precondition', message: strange });
    const declared = await failure(service.Status({ code: 'refused', message: strange }));
    expect(isError(Cases.methods.Status, 'refused', declared) && declared.details?.code).toBe(strange);
  });

  it('unimplemented_method, unimplemented_service: the error says which of them is not there', async () => {
    await using one = await open(name);
    expect(await failure(one.client.call('TestService', 'Unimplemented', {}))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_METHOD' });
    expect(await failure(one.client.call('UnimplementedService', 'Call', {}))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_SERVICE' });
  });

  it('cancel_after_begin: the caller has its error at once, and the handler is told', async () => {
    await using one = await open(name);
    const service = one.client.service(Cases);
    await service.Empty();
    const controller = new AbortController();
    const cancelled = failure(service.Sleep(undefined, { signal: controller.signal }));
    await service.Empty();
    controller.abort();
    expect(await cancelled).toMatchObject({ code: 'canceled', reason: 'ABORTED', sent: true });
    expect(await one.stopped).toBe('canceled');
  });

  it('timeout_on_sleeping_server: both sides end at the deadline', async () => {
    await using one = await open(name);
    expect(await failure(one.client.service(Cases).Sleep(undefined, { timeoutMs: 60 }))).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT' });
    expect(['deadline_exceeded', 'canceled']).toContain(await one.stopped);
  });

  it('rpc_soak, channel_soak: a thousand calls over one connection, and thirty connections with one each', async () => {
    await using one = await open(name);
    const service = one.client.service(Cases);
    const calls = Array.from({ length: 1000 }, (_, index) => service.Large({ size: index, body: new Uint8Array(3) }));
    expect((await Promise.all(calls)).every(({ size, body }, index) => size === 3 && body.length === index)).toBe(true);
    for (let count = 0; count < 30; count++) {
      await one.client.closeConnections();
      await service.Empty();
    }
    expect(one.client.stats()).toMatchObject({ failed: 0, succeeded: 1030 });
  });
});
