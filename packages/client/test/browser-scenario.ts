import { push, readUtf8, RpcError, systemClock, unary, contract, type Connection } from '@rpcxjs/core';
import { createByteWriter, defaultFrameLimits, flag, FrameParser, readMetadata, reserved, writeFrame, type FrameView } from '@rpcxjs/protocol';
import { memoryNetwork, type MemoryNetwork } from '@rpcxjs/transport-memory';
import { createClient, type Client } from '../src/index.ts';

// Bundled by browser-globals.test.ts and run where there is no Node: nothing here may need it.
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const Arith = contract('Arith', { Mul: unary<{ A: number; B: number; Note?: string }, { C: number; Note?: string }>(), Fail: unary<null, null>(), Never: unary<null, null>(), Ticked: push<string>() });

interface Answer {
  readonly flags: number;
  readonly text?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly method?: string;
}

function send(connection: Connection, to: FrameView, { flags, text = '', metadata, method }: Answer): void {
  const writer = createByteWriter();
  const service = readUtf8(to.bytes, to.serviceStart, to.serviceEnd);
  const asked = readUtf8(to.bytes, to.methodStart, to.methodEnd);
  const { sequenceHigh, sequenceLow } = to;
  writeFrame(writer, { service, method: method ?? asked, codecId: 1, flags, sequenceHigh, sequenceLow, metadata, payload: (payload) => payload.appendUtf8(text) });
  connection.write(writer.finish());
}

/** A peer that reads and writes frames, and is otherwise a script. */
function answer(connection: Connection, frame: FrameView, deadlines: string[]): void {
  const metadata = readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd);
  if (frame.isHeartbeat) {
    send(connection, frame, { flags: flag.heartbeat | flag.response, metadata });
    return;
  }
  const method = readUtf8(frame.bytes, frame.methodStart, frame.methodEnd);
  if (method === 'Mul') {
    deadlines.push(metadata[reserved.timeout] ?? 'none');
    const { A, B, Note } = JSON.parse(readUtf8(frame.bytes, frame.payloadStart, frame.end)) as { A: number; B: number; Note?: string };
    send(connection, frame, { flags: flag.oneway, method: 'Ticked', text: JSON.stringify(`${A} times ${B}`) });
    send(connection, frame, { flags: flag.response, text: JSON.stringify({ C: A * B, Note }) });
  } else if (method === 'Fail') send(connection, frame, { flags: flag.response | flag.error, metadata: { [reserved.error]: 'no such luck' } });
}

async function listen(network: MemoryNetwork, deadlines: string[]): Promise<void> {
  const accept = (connection: Connection): void => {
    const parser = new FrameParser(defaultFrameLimits, (frame) => answer(connection, frame, deadlines));
    connection.start({ data: (chunk) => parser.push(chunk), drain() {}, closed() {} });
  };
  await network.listen({ network: 'memory', host: 'peer' }, { runtime: { clock: systemClock, logger: silent }, accept });
}

async function failureOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return RpcError.is(error) ? `${error.code} ${error.reason ?? ''}`.trim() : String(error);
  }
  return 'none';
}

async function calls(client: Client, deadlines: readonly string[]): Promise<Record<string, unknown>> {
  const arith = client.service(Arith);
  const ticks = client.pushes(Arith.methods.Ticked);
  const product = await arith.Mul({ A: 6, B: 7 });
  // Long enough for every way to write a text: none but ASCII, and beyond 1024 units.
  const Note = `${'ä€😀'.repeat(1000)}${'a'.repeat(200_000)}`;
  const large = await arith.Mul({ A: 2, B: 3, Note });
  const tick = await ticks.next();
  ticks[Symbol.dispose]?.();
  const failed = await failureOf(arith.Fail(null));
  const late = await failureOf(arith.Never(null, { timeoutMs: 20 }));
  const controller = new AbortController();
  const never = arith.Never(null, { signal: controller.signal });
  controller.abort();
  const aborted = await failureOf(never);
  const { calls: made, connections } = client.stats();
  return { product, noted: large.Note === Note, tick: tick.value as string, failed, late, aborted, deadlines, made, connections };
}

/** What a client gets from the scripted peer, as JSON: another realm's objects are not of the test's classes. */
export async function scenario(): Promise<string> {
  const network = memoryNetwork();
  const deadlines: string[] = [];
  await listen(network, deadlines);
  const client = createClient({ servers: 'memory@peer', transports: [network], logger: silent });
  const results = await calls(client, deadlines);
  await client.close();
  return JSON.stringify({ ...results, after: network.links.length });
}
