import { describe, expect, it } from 'vitest';
import { Inbox } from './inbox.ts';
import type { ConnectionSink } from './transport.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

class Told implements ConnectionSink {
  readonly all: string[] = [];
  onData: ((text: string) => void) | undefined;

  data(chunk: Uint8Array): void {
    const text = String.fromCharCode(...chunk);
    this.all.push(text);
    this.onData?.(text);
    // Shows calls that come from inside this one.
    if (this.onData !== undefined) this.all.push(`/${text}`);
  }
  drain(): void {
    this.all.push('drain');
  }
  closed(reason: Error | undefined): void {
    this.all.push(reason?.message ?? 'end');
  }
}

function started(): { readonly inbox: Inbox; readonly told: Told } {
  const inbox = new Inbox();
  const told = new Told();
  inbox.start(told);
  return { inbox, told };
}

describe('an inbox', () => {
  it('keeps copies of what comes before start() and in a pause, and then the end, and delivers them in order', () => {
    const inbox = new Inbox();
    const lent = bytes('a');
    inbox.receive(lent);
    lent.fill(120);
    const told = new Told();
    expect(inbox.start(told)).toBe(true);
    inbox.pause();
    for (const text of 'bc') inbox.receive(bytes(text));
    inbox.end(undefined);
    inbox.receive(bytes('after the end'));
    expect(told.all).toEqual(['a']);
    expect(inbox.resume()).toBe(false);
    expect(told.all).toEqual(['a', 'b', 'c', 'end']);
    expect(() => inbox.start(told)).toThrow('start() was called twice; a connection has one sink');
  });

  it('passes on the very chunk that comes while nothing is kept', () => {
    const { inbox, told } = started();
    const seen: Uint8Array[] = [];
    told.data = (chunk) => void seen.push(chunk);
    const chunk = bytes('a');
    inbox.receive(chunk);
    expect(seen[0]).toBe(chunk);
  });

  it('calls data() for one chunk after the other, whatever pauses, resumes, comes or ends inside it', () => {
    const { inbox, told } = started();
    inbox.pause();
    for (const text of 'ab') inbox.receive(bytes(text));
    told.onData = (text) => {
      inbox.pause();
      if (text === 'a') inbox.receive(bytes('c'));
      if (text === 'c') inbox.end(undefined);
      expect(inbox.resume()).toBe(true);
    };
    inbox.resume();
    expect(told.all).toEqual(['a', '/a', 'b', '/b', 'c', '/c', 'end']);
  });

  it('tells of room until the end was told, or what comes is dropped', () => {
    const closing = started();
    closing.inbox.drop();
    closing.inbox.drain();
    expect(closing.told.all).toEqual([]);
    const { inbox, told } = started();
    inbox.drain();
    inbox.end(undefined);
    inbox.drain();
    new Inbox().drain();
    expect(told.all).toEqual(['drain', 'end']);
  });

  it('stops at a pause in data(), and says that no more may be read', () => {
    const { inbox, told } = started();
    inbox.pause();
    for (const text of 'ab') inbox.receive(bytes(text));
    told.onData = () => inbox.pause();
    expect(inbox.resume()).toBe(false);
    expect(told.all).toEqual(['a', '/a']);
    expect(inbox.resume()).toBe(false);
    inbox.receive(bytes('c'));
    expect(told.all.slice(2)).toEqual(['b', '/b']);
    told.onData = undefined;
    expect(inbox.resume()).toBe(true);
    inbox.receive(bytes('d'));
    expect(told.all.slice(4)).toEqual(['c', 'd']);
  });

  it('drops all that is kept and that comes, and still tells the end, at once if it has come', () => {
    const { inbox, told } = started();
    inbox.pause();
    inbox.receive(bytes('a'));
    inbox.end(undefined);
    inbox.drop();
    expect(told.all).toEqual(['end']);
    const flowing = started();
    flowing.inbox.drop();
    flowing.inbox.receive(bytes('a'));
    expect(flowing.told.all).toEqual([]);
    const other = started();
    other.inbox.pause();
    other.told.onData = () => other.inbox.drop();
    for (const text of 'ab') other.inbox.receive(bytes(text));
    other.inbox.resume();
    other.inbox.receive(bytes('c'));
    other.inbox.resume();
    other.inbox.end(new Error('lost'));
    expect(other.told.all).toEqual(['a', '/a', 'lost']);
  });

  it('cuts: tells that end from inside data(), before and instead of whatever waits, and nothing after it', () => {
    const { inbox, told } = started();
    inbox.pause();
    for (const text of 'ab') inbox.receive(bytes(text));
    inbox.end(undefined);
    told.onData = () => inbox.cut(new Error('aborted'));
    inbox.resume();
    inbox.end(undefined);
    inbox.cut(undefined);
    inbox.receive(bytes('c'));
    expect([told.all, inbox.resume()]).toEqual([['a', 'aborted', '/a'], false]);
  });

  it('tells the first of several ends, to a sink that starts late too', () => {
    const inbox = new Inbox();
    inbox.end(new Error('lost'));
    inbox.end(undefined);
    const told = new Told();
    inbox.cut(undefined);
    expect(inbox.start(told)).toBe(false);
    inbox.resume();
    inbox.receive(bytes('after the end'));
    expect(told.all).toEqual(['lost']);
    const flowing = started();
    flowing.inbox.end(undefined);
    flowing.inbox.receive(bytes('after the end'));
    flowing.inbox.resume();
    flowing.inbox.receive(bytes('after the end'));
    expect(flowing.told.all).toEqual(['end']);
  });

  it('loses nothing and moves nothing when data() throws', () => {
    const { inbox, told } = started();
    inbox.pause();
    for (const text of 'ab') inbox.receive(bytes(text));
    told.onData = () => {
      told.onData = undefined;
      throw new Error('of the sink');
    };
    expect(() => inbox.resume()).toThrow('of the sink');
    inbox.receive(bytes('c'));
    inbox.resume();
    expect(told.all).toEqual(['a', 'b', 'c']);
  });

  it('delivers a hundred thousand kept chunks in the time of as many', () => {
    const { inbox, told } = started();
    let count = 0;
    told.data = () => void count++;
    inbox.pause();
    const chunk = new Uint8Array(1);
    for (let at = 0; at < 100_000; at++) inbox.receive(chunk);
    const began = performance.now();
    inbox.resume();
    expect(count).toBe(100_000);
    expect(performance.now() - began).toBeLessThan(500);
  });
});
