import { contract, RpcError, unary } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { errorKind, isRemote } from '../src/error-kind.ts';
import { failure, rig, settled, until } from './fake-server.ts';

const { Get } = contract('Store', { Get: unary<unknown, string>() }).methods;

it('G21: each of five situations is of exactly one kind', async () => {
  const clock = manualClock();
  await using one = await rig({ clock, queue: { max: 1 } });
  const kinds: string[] = [];
  const note = async (call: Promise<unknown>): Promise<void> => void kinds.push(errorKind(await failure(call)));
  const first = one.client.start(Get, 1);
  await note(one.client.call('A', 'Full', 1));
  first.cancel();
  await note(Promise.resolve(first));
  await until(() => one.server.connections.length === 1);
  await settled();
  one.server.onCall = (call) => { if (call.method === 'Fail') one.server.fail(call, 'no'); };
  await note(one.client.call('A', 'Fail', 1));
  const late = note(one.client.call('A', 'Slow', 1, { timeoutMs: 50 }));
  await until(() => one.server.received.some(({ method }) => method === 'Slow'));
  clock.advance(60);
  await late;
  const lost = note(one.client.call('A', 'Lost', 1));
  await until(() => one.server.received.some(({ method }) => method === 'Lost'));
  one.server.connection.abort();
  await lost;
  expect(kinds).toEqual(['overflow', 'canceled', 'server', 'timeout', 'connection']);
});

it('N06: what the server said is remote; a lost connection, a reply and an input that no codec can do are not', async () => {
  await using one = await rig();
  one.server.onCall = (call) => {
    if (call.method === 'Fail') one.server.fail(call, 'no');
    else if (call.method === 'Odd') one.server.reply(call, { payload: '{' });
    else one.server.connection.abort();
  };
  const circle: { self?: unknown } = {};
  circle.self = circle;
  const errors = [await failure(one.client.call('A', 'Fail', 1)), await failure(one.client.call('A', 'Odd', 1)), await failure(one.client.call('A', 'In', circle)), await failure(one.client.call('A', 'Lost', 1))];
  expect(errors.map((error) => [isRemote(error), error.reason])).toEqual([[true, undefined], [false, 'BAD_PAYLOAD'], [false, 'BAD_PAYLOAD'], [false, 'CONNECTION_LOST']]);
  expect(errors.every((error) => RpcError.is(error))).toBe(true);
});
