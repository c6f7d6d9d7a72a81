import type { Connection, ConnectionSink } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { Heard } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { PeekedConnection } from './peeked-connection.ts';
import { WaitingRoom } from './waiting-room.ts';
import type { Dismissal } from './waiting-room.ts';

/** What is below: remembers what it was told. */
class Below implements Connection {
  readonly local = { network: 'tcp', host: 'a:1' };
  readonly remote = { network: 'tcp', host: 'b:2' };
  bufferedBytes = 7;
  sink: ConnectionSink | undefined;
  readonly told: string[] = [];

  start(sink: ConnectionSink): void {
    this.sink = sink;
  }
  write(chunk: Uint8Array): boolean {
    this.told.push(Buffer.from(chunk).toString());
    return false;
  }
  pause(): void {
    this.told.push('pause');
  }
  resume(): void {
    this.told.push('resume');
  }
  async close(): Promise<void> {
    this.told.push('close');
  }
  abort(reason?: Error): void {
    this.told.push('abort');
    this.sink?.closed(reason);
  }
  say(text: string): void {
    this.sink?.data(Buffer.from(text));
  }
}

interface Looked { readonly looks: [string, number][]; readonly ends: (Error | undefined)[] }

function peeked(): { readonly below: Below; readonly connection: PeekedConnection; readonly looked: Looked; readonly heard: Heard } {
  const below = new Below();
  const connection = new PeekedConnection(below);
  const looked: Looked = { looks: [], ends: [] };
  connection.peek({
    look: (bytes, added) => void looked.looks.push([Buffer.from(bytes).toString(), added]),
    ended: (reason) => void looked.ends.push(reason),
  });
  return { below, connection, looked, heard: new Heard() };
}

describe('a peeked connection', () => {
  it('shows all bytes so far, then delivers those that were not taken, and goes on', () => {
    const { below, connection, looked, heard } = peeked();
    below.say('HE');
    below.say('LLO, w');
    expect(looked.looks).toEqual([['HE', 2], ['HELLO, w', 6]]);
    connection.release(7);
    expect(below.told).toEqual(['pause']);
    connection.start(heard);
    expect(heard.text).toBe('w');
    expect(below.told).toEqual(['pause', 'resume']);
    below.say('orld');
    expect(heard.text).toBe('world');
    expect(looked.looks.length).toBe(2);
  });

  it('keeps what comes between release() and start(), and while it is paused', () => {
    const { below, connection, heard } = peeked();
    below.say('a');
    connection.release(1);
    below.say('b');
    connection.start(heard);
    connection.pause();
    below.say('c');
    expect(heard.text).toBe('b');
    connection.resume();
    expect(heard.text).toBe('bc');
  });

  it('stops where data() pauses it or ends it', () => {
    for (const how of ['pause', 'abort'] as const) {
      const { below, connection } = peeked();
      below.say('ab');
      connection.release(0);
      const heard = new Heard();
      heard.onData = () => connection[how]();
      connection.start(heard);
      expect(heard.text).toBe('ab');
      expect(below.told.includes('resume')).toBe(false);
    }
  });

  it('tells an end after the bytes before it, once', () => {
    const { below, connection, heard } = peeked();
    below.say('bytes');
    connection.release(0);
    below.sink?.closed(undefined);
    connection.start(heard);
    expect([heard.text, heard.closes]).toEqual(['bytes', [undefined]]);
    connection.resume();
    expect(heard.closes.length).toBe(1);
  });

  it('tells who looks of an end before the decision, and a later sink too', () => {
    const { below, connection, looked, heard } = peeked();
    const reason = new Error('lost');
    below.say('HE');
    below.sink?.closed(reason);
    connection.start(heard);
    expect([looked.ends, heard.text, heard.closes]).toEqual([[reason], '', [reason]]);
  });

  it('drops what it held when this side ends it, and tells who looks nothing', () => {
    for (const how of ['close', 'abort'] as const) {
      const { below, connection, looked, heard } = peeked();
      below.say('HE');
      void connection[how]();
      below.say('LLO');
      connection.start(heard);
      expect([heard.text, looked.looks.length, looked.ends.length, below.told[0]]).toEqual(['', 1, 0, how]);
    }
  });

  it('passes everything else on, and may say other ends', () => {
    const { below, connection, heard } = peeked();
    expect([connection.write(Buffer.from('x')), connection.bufferedBytes, connection.remote]).toEqual([false, 7, below.remote]);
    connection.release(0);
    connection.start(heard);
    below.sink?.drain();
    expect(heard.drains).toBe(1);
    expect(() => connection.start(heard)).toThrow('start() was called twice');
    expect(new PeekedConnection(below, { local: undefined, remote: { network: 'http', host: 'b:2' } }).remote?.network).toBe('http');
  });

  it('copies each byte a bounded number of times when they come one at a time', () => {
    const below = new Below();
    const connection = new PeekedConnection(below);
    const rooms = new Set<ArrayBufferLike>();
    let length = 0;
    connection.peek({
      look(bytes) {
        rooms.add(bytes.buffer);
        ({ length } = bytes);
      },
      ended() {},
    });
    for (let at = 0; at < 10_000; at++) below.say('x');
    expect(length).toBe(10_000);
    expect([...rooms].map(({ byteLength }) => byteLength)).toEqual([64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384]);
    connection.release(0);
    const heard = new Heard();
    connection.start(heard);
    expect(heard.bytes.length).toBe(10_000);
  });
});

describe('a waiting room', () => {
  it('dismisses each after its time, the oldest of too many, and all when it closes; who left hears nothing', () => {
    const clock = manualClock();
    const room = new WaitingRoom({ clock, timeoutMs: 100, most: 2 });
    const told: string[] = [];
    const enter = (name: string): (() => void) => room.enter(new Below(), (why: Dismissal) => void told.push(`${name} ${why}`));
    enter('a');
    enter('b');
    clock.advance(50);
    const leave = enter('c');
    expect([told, room.size]).toEqual([['a crowded'], 2]);
    leave();
    leave();
    clock.advance(50);
    expect(told).toEqual(['a crowded', 'b late']);
    enter('d');
    enter('e');
    room.close();
    expect(told).toEqual(['a crowded', 'b late', 'd closed', 'e closed']);
    expect([room.size, clock.pending]).toEqual([0, 0]);
  });
});
