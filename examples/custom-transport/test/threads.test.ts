// The whole test of a transport: what everybody expects of one, from @rpcxjs/conformance, and what is particular about this one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel, Worker } from 'node:worker_threads';
import { conformsLine } from '@rpcxjs/conformance';
import { RpcError, systemClock, type Connection, type Runtime } from '@rpcxjs/core';
import { threads } from '../src/index.ts';
import { cases } from './cases.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const runtime: Runtime = { clock: systemClock, logger: silent };
const shop = { network: 'worker', host: 'shop' };

for (const one of cases) void test(one.name, one.run);
void test('a reader that is far behind holds back a writer of single bytes, and the order is kept', async () => {
  const { port1, port2 } = new MessageChannel();
  let accepted: Connection | undefined;
  await threads(port2).listen(shop, { runtime, accept: (connection) => (accepted = connection) });
  const writer = await threads(port1).dial(shop, { runtime });
  const total = 300_000;
  let [written, read] = [0, 0];
  const write = (): void => {
    while (written < total && writer.write(Uint8Array.of(written++)));
  };
  const done = new Promise<void>((resolve, reject) => {
    writer.start({ data() {}, drain: write, closed: reject });
    write();
    assert.equal(written, 256 * 1024 + 1);
    const data = ([byte]: Uint8Array): void => {
      if (byte !== read++ % 256) reject(new Error(`byte ${read} is ${byte}`));
      if (read === total) resolve();
    };
    accepted?.start({ data, drain() {}, closed: reject });
  });
  await done;
  assert.equal(writer.bufferedBytes, 0);
  writer.abort();
  port1.close();
});
void test('calls into a thread that ends fail, and so do the next ones, at once', async () => {
  const { port1, port2 } = new MessageChannel();
  // Takes whoever knocks, and ends when it is spoken to.
  const code = `require('node:worker_threads').workerData.on('message', ({ port }) => {
    port.postMessage('taken');
    port.once('message', () => process.exit());
  });`;
  const worker = new Worker(code, { eval: true, workerData: port2, transferList: [port2] });
  const transport = threads(port1);
  const connection = await transport.dial(shop, { runtime });
  const [closed, ended] = [new Promise((closed) => connection.start({ data() {}, drain() {}, closed })), new Promise((resolve) => worker.once('exit', resolve))];
  connection.write(Uint8Array.of(1));
  assert.match(String(await closed), /the connection to worker@shop was lost: its thread has ended/);
  await ended;
  const error = await transport.dial(shop, { runtime }).catch((cause: unknown) => cause);
  assert.ok(RpcError.is(error) && error.reason === 'CONNECT_FAILED' && !error.sent, String(error));
  assert.match(error.message, /could not connect to worker@shop: the other thread has ended/);
});
void test('a dial into a thread that does not get round to it ends with its signal, and fails after 3 s', async () => {
  const { port1, port2 } = new MessageChannel();
  const transport = threads(port1);
  const clock = { ...systemClock, setTimer: (run: () => void, delayMs: number) => systemClock.setTimer(run, delayMs / 100) };
  const error = await transport.dial(shop, { runtime: { clock, logger: silent } }).catch((cause: unknown) => cause);
  assert.ok(RpcError.is(error) && error.reason === 'CONNECT_FAILED' && !error.sent, String(error));
  assert.match(error.message, /no answer within 3000 ms/);
  const given = new AbortController();
  const dialling = transport.dial(shop, { runtime, signal: given.signal });
  given.abort(new Error('changed my mind'));
  await assert.rejects(dialling, /changed my mind/);
  // Both have left their knock; whoever comes now finds that nobody waits there.
  const ends: unknown[] = [];
  await new Promise<void>((resolve) => {
    const closed = (reason: unknown): void => void (ends.push(reason) === 2 && resolve());
    void threads(port2).listen(shop, { runtime, accept: (late) => late.start({ data() {}, drain() {}, closed }) });
  });
  port2.close();
  assert.ok(ends.every((reason) => RpcError.is(reason)), String(ends));
});
void test('says at once what it cannot take', () => {
  const { port1 } = new MessageChannel();
  threads(port1);
  assert.throws(() => threads(port1), TypeError);
  assert.throws(() => threads(undefined as never), TypeError);
  port1.close();
});
void test('says that it conforms', () => console.log(conformsLine('rpcxjs-transport-threads', cases)));
