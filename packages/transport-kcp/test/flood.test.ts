import { createSocket } from 'node:dgram';
import type { Connection } from '@rpcxjs/core';
import { closeAfterEach, dial, Heard, later, pair, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { kcp } from '../src/index.ts';
import { controlKind, readControl, writeControl } from '../src/control.ts';
import { command } from '../src/segment.ts';
import { keepsLessThan, keptBytes } from './kept-bytes.ts';
import { sealed, segmentOf, stubListener } from './stub-listener.ts';

closeAfterEach();

const hello = (conversation: number, cookie = 0n): Buffer =>
  sealed(segmentOf({ conversation, command: command.askWindow, payload: writeControl({ kind: controlKind.hello, argument: 0, cookie }) }));

describe('a flood of datagrams with forged conversation ids', () => {
  it('keeps as many conversations as the backlog, the newest, and memory that is bounded', async () => {
    const { listening, accepted, receive } = stubListener({ backlog: 32 });
    // Only what the listener itself keeps must count.
    const newest: Connection[] = [];
    later(() => { for (const connection of newest) connection.abort(); });
    let closes = 0;
    let first: Error | undefined;
    const flood = (from: number, count: number): void => {
      for (let id = from; id < from + count; id++) {
        receive(sealed(segmentOf({ conversation: id, payload: Buffer.alloc(1000, 1) })), 1 + (id % 65_535));
        for (const connection of accepted.splice(0)) {
          connection.start({
            data() {}, drain() {},
            closed(reason) {
              closes++;
              first ??= reason;
            },
          });
          newest.push(connection);
          if (newest.length > 64) newest.shift();
        }
      }
    };
    flood(1, 4200);
    const before = keptBytes();
    flood(4201, 7800);
    await keepsLessThan(16 * 1024 * 1024, before);
    expect(listening.size).toBe(32);
    expect(listening.backlog.size).toBe(32);
    expect(closes).toBe(12_000 - 32);
    expect(first).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST', message: expect.stringContaining('too many conversations wait for a proof') as string });
  });

  it('of hellos keeps nothing about strangers beyond half of the backlog: they get a cookie, and come in with it', () => {
    const { listening, accepted, sent, receive } = stubListener({ backlog: 32 });
    for (let id = 1; id <= 10_000; id++) receive(hello(id));
    expect(listening.size).toBe(16);
    const answers = sent.map((datagram) => ({ conversation: datagram.readUInt32LE(28), control: readControl(datagram, 52, 20)! }));
    const [retry] = answers.filter(({ control }) => control.kind === controlKind.retry);
    // No more than a thousand a second are answered.
    expect(answers.filter(({ control }) => control.kind === controlKind.retry).length).toBeLessThan(3000);
    receive(hello(retry!.conversation, retry!.control.cookie + 1n));
    receive(hello(retry!.conversation, retry!.control.cookie), 1001);
    expect(listening.size).toBe(16);
    receive(hello(retry!.conversation, retry!.control.cookie));
    expect([listening.size, accepted.length, listening.backlog.size]).toEqual([17, 17, 16]);
  });

  it('does not disturb those that talk, and lets more of our kind in', async () => {
    const transport = kcp({ backlog: 8 });
    const { served, client, server, clientHeard, serverHeard } = await pair(transport);
    const port = Number(served.listener.address.host.split(':')[1]);
    const attacker = createSocket('udp4');
    later(() => new Promise<void>((resolve) => { attacker.close(resolve); }));
    let id = 1;
    const burst = async (): Promise<void> => {
      for (let count = 0; count < 300; count++, id++) attacker.send(id % 2 === 0 ? hello(id) : sealed(segmentOf({ conversation: id })), port, '127.0.0.1');
      await new Promise((resolve) => { setImmediate(resolve); });
    };
    let expected = '';
    for (let round = 0; round < 10; round++) {
      await burst();
      client.write(Buffer.from(`${round},`));
      server.write(Buffer.from(`${round},`));
      expected += `${round},`;
    }
    for (let round = 0; round < 3; round++) {
      await burst();
      const heard = new Heard();
      const more = await dial(transport, served.listener.address);
      await burst();
      more.start(heard);
      more.write(Buffer.from('let me in'));
      await until(() => served.accepted.some((connection) => connection.remote?.host === more.local?.host));
      served.accepted.find((connection) => connection.remote?.host === more.local?.host)!.write(Buffer.from('welcome'));
      await until(() => heard.text === 'welcome');
    }
    await until(() => clientHeard.text === expected && serverHeard.text === expected);
    expect([clientHeard.closes, serverHeard.closes]).toEqual([[], []]);
  });

  it('of another address\'s port does not take its conversation over', async () => {
    const { accepted, receive } = stubListener();
    receive(sealed(segmentOf({ conversation: 7, payload: Buffer.from('mine') })));
    receive(sealed(segmentOf({ conversation: 8, payload: Buffer.from('forged') })));
    const heard = new Heard();
    accepted[0]!.start(heard);
    receive(sealed(segmentOf({ conversation: 7, sequence: 1, payload: Buffer.from(' still') }, 1)));
    expect(heard.text).toBe('mine still');
    expect(heard.closes).toEqual([]);
  });

  it('of an old conversation\'s beginning does not begin it again', () => {
    const { accepted, receive, sent, listening } = stubListener();
    const beginning = sealed(segmentOf({ conversation: 7, payload: Buffer.from('pay 10') }));
    receive(beginning);
    accepted[0]!.abort();
    receive(beginning);
    expect([accepted.length, listening.size]).toEqual([1, 0]);
    expect(readControl(sent.at(-1)!, 52, 20)).toMatchObject({ kind: controlKind.reset });
  });
});
