import { expect, it } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { type RpcError } from '@rpcxjs/core';
import { tcp } from '@rpcxjs/transport-tcp';
import { startGoServer } from '../src/index.ts';
import { Arith } from './arith.ts';
import { quickClock } from './quick-clock.ts';
import { codecs } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

const base = { transports: [tcp()], codecs };
const reasonOf = (call: Promise<unknown>): Promise<unknown> => call.then(() => 'ok', ({ code, reason }: RpcError) => `${code} ${reason}`);

describeWithGo('a Go server', () => {
  it('whose handlers obey the deadline fails with the same code as one whose handlers do not', async () => {
    await using go = await startGoServer();
    await using client = createClient({ ...base, servers: go.address });
    const arith = client.service(Arith);
    // Each timer of Go's is a fraction of a millisecond ahead of ours.
    const calls = Array.from({ length: 60 }, (_, ID) => reasonOf(arith.Sleep({ Ms: 5000, ID, Obey: ID % 2 === 0 }, { timeoutMs: 100 + ID })));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['deadline_exceeded TIMEOUT']));
  });

  it('with WithReadTimeout keeps the connection of a client whose heartbeats are more frequent, idle or in a slow call', async () => {
    await using go = await startGoServer({ readTimeoutMs: 500 });
    await using client = createClient({ ...base, servers: go.address, heartbeat: { idleMs: 100, busyMs: 100 } });
    const arith = client.service(Arith);
    await arith.Mul({ A: 1, B: 1 });
    expect(await arith.Sleep({ Ms: 1200, ID: 1 })).toEqual({ ID: 1 });
    expect(client.stats().dials).toBe(1);

    await using quiet = createClient({ ...base, servers: go.address });
    expect(await reasonOf(quiet.service(Arith).Sleep({ Ms: 1200, ID: 1 }))).toBe('unavailable CONNECTION_LOST');
  });

  it('with WithPool answers no heartbeat while all of its workers are busy: answerMs is to be longer than that', async () => {
    await using go = await startGoServer({ workers: 1 });
    using clock = quickClock(10);
    await using impatient = createClient({ ...base, clock, servers: go.address, timeoutMs: Infinity });
    const failed = await impatient.service(Arith).Sleep({ Ms: 1500, ID: 1 }).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'unavailable', reason: 'PEER_SILENT', message: expect.stringMatching(/raise heartbeat\.answerMs/) });

    await using patient = createClient({ ...base, clock, servers: go.address, timeoutMs: Infinity, heartbeat: { answerMs: 60_000 } });
    expect(await patient.service(Arith).Sleep({ Ms: 1500, ID: 2 })).toEqual({ ID: 2 });
  });

  it('with WithAsyncWrite replies whole, however many goroutines write', async () => {
    await using go = await startGoServer({ asyncWrite: true });
    await using client = createClient({ ...base, servers: go.address });
    const arith = client.service(Arith);
    const lengths = await Promise.all(Array.from({ length: 500 }, async (_, n) => (await arith.Say({ Text: `x*${n * 100}` })).Text.length));
    expect(lengths).toEqual(lengths.map((_, n) => n * 100));
  });
});
