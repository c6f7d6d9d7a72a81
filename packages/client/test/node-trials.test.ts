import { RpcError } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { errors, nodeBench } from './node-bench.ts';

const { timeout, refused, silent, badFrame, canceled, threw, overloaded, closing, declared } = errors;

describe('a trial', () => {
  it('is over without a verdict when its caller gave up, and the next one comes a second later', () => {
    const { clock, group, calls, call, begin } = nodeBench(2);
    calls(5, 'a', timeout);
    clock.advance(10_000);
    call('a', canceled);
    clock.advance(999);
    expect(group.probe(clock.now())).toBeUndefined();
    clock.advance(1);
    expect(group.probe(clock.now())).toBe('a');
    begin('a');
    expect(group.probe(clock.now())).toBeUndefined();
  });

  it('that never ends is given up after 30 s', () => {
    const { clock, group, calls, begin, end } = nodeBench(2);
    calls(5, 'a', timeout);
    clock.advance(10_000);
    const first = begin('a');
    clock.advance(29_999);
    expect(group.probe(clock.now())).toBeUndefined();
    clock.advance(1);
    expect(group.probe(clock.now())).toBe('a');
    const second = begin('a');
    end(first);
    expect(group.usable()).toEqual(['b']);
    end(second);
    expect(group.usable()).toEqual(['a', 'b']);
  });

  it('succeeds with any answer, also an error of the application or a refusal', () => {
    for (const answer of [undefined, declared, threw, overloaded]) {
      const { clock, group, calls, call } = nodeBench(2);
      calls(5, 'a', timeout);
      clock.advance(10_000);
      call('a', answer);
      expect(group.usable()).toEqual(['a', 'b']);
    }
  });

  it('E3: is made only when the server has answered a heartbeat, if it can be asked', async () => {
    const asked: string[] = [];
    let answers = false;
    const check = (address: string): Promise<void> => {
      asked.push(address);
      return answers ? Promise.resolve() : Promise.reject(new Error('no answer within 1 s'));
    };
    const { clock, group, call, table } = nodeBench(2, {}, check);
    call('a', silent);
    clock.advance(10_000);
    expect(group.probe(clock.now())).toBeUndefined();
    expect(group.probe(clock.now())).toBeUndefined();
    await clock.advanceAsync(0);
    expect(asked).toEqual(['a']);
    expect(table.why('a')).toMatch(/^a is avoided for \d+ m?s more: it did not answer when it was asked: no answer within 1 s$/);
    answers = true;
    clock.advance(1600);
    expect(group.probe(clock.now())).toBeUndefined();
    await clock.advanceAsync(0);
    expect(asked).toEqual(['a', 'a']);
    expect([group.usable(), group.probe(clock.now())]).toEqual([['b'], 'a']);
    call('a');
    expect(group.usable()).toEqual(['a', 'b']);
  });

  it('is made all the same when heartbeats went unanswered five times: not every server answers them', async () => {
    let asked = 0;
    const { clock, group, call } = nodeBench(2, {}, () => {
      asked += 1;
      return Promise.reject(new Error('planted'));
    });
    const waitForTrial = async () => {
      for (let turns = 0; group.probe(clock.now()) === undefined && turns < 100; turns++) await clock.advanceAsync(500);
      return asked;
    };
    call('a', silent);
    expect(await waitForTrial()).toBe(5);
    call('a', errors.timeout);
    expect(await waitForTrial()).toBe(10);
    call('a');
    expect(group.usable()).toEqual(['a', 'b']);
  });

  it('takes a heartbeat that is under way for 3 s for unanswered', () => {
    let asked = 0;
    const { clock, group, call, table } = nodeBench(2, {}, () => {
      asked += 1;
      return new Promise(() => {});
    });
    call('a', silent);
    clock.advance(10_000);
    group.probe(clock.now());
    clock.advance(2999);
    expect([group.probe(clock.now()), table.snapshot()[0]?.state]).toEqual([undefined, 'probing']);
    clock.advance(1);
    expect([group.probe(clock.now()), table.why('a')]).toEqual([undefined, expect.stringMatching(/^a is avoided for \d+ m?s more: it did not answer a heartbeat within 3000 ms$/)]);
    for (; group.probe(clock.now()) === undefined && asked < 99; clock.advance(1000));
    expect(asked).toBe(5);
  });

  it('is not brought about by an answer that comes too late', async () => {
    let answer = (): void => {};
    const { clock, group, call, table } = nodeBench(2, {}, () => new Promise<void>((resolve) => (answer = resolve)));
    call('a', silent);
    clock.advance(10_000);
    group.probe(clock.now());
    table.quarantine('a', 60_000);
    answer();
    await clock.advanceAsync(1000);
    expect(group.probe(clock.now())).toBeUndefined();
    expect(table.why('a')).toContain('it was put in quarantine');
  });

  it('that fails makes a quarantine a matter of failed calls', () => {
    const { clock, group, call, table } = nodeBench(3);
    table.quarantine('a', 1000);
    clock.advance(1000);
    call('a', errors.timeout);
    expect([group.usable(), table.snapshot()[0]?.ejectedFor, table.why('a')]).toEqual([
      ['b', 'c'], 'consecutive', 'a is avoided for 10 s more: the call that tried it again failed with deadline_exceeded: said TIMEOUT',
    ]);
  });

  it('that cannot even be asked for does not break anything', async () => {
    const { clock, group, call } = nodeBench(2, {}, () => {
      throw new Error('planted');
    });
    call('a', refused);
    clock.advance(1600);
    expect(group.probe(clock.now())).toBeUndefined();
    await clock.advanceAsync(0);
    expect(group.usable()).toEqual(['b']);
  });
});

describe('a server that is to be left alone', () => {
  it('is in quarantine for the time that the program says', () => {
    const { clock, table, group, begin, end } = nodeBench(3);
    const early = begin('a');
    table.quarantine('a', 60_000);
    end(early);
    expect([group.usable(), table.why('a')]).toEqual([['b', 'c'], 'a is avoided for 60 s more: it was put in quarantine']);
    clock.advance(59_999);
    expect(group.probe(clock.now())).toBeUndefined();
    clock.advance(1);
    expect(group.probe(clock.now())).toBe('a');
    table.quarantine('b', Infinity);
    expect([group.usable(), table.why('b')]).toEqual([['c'], 'b is avoided for good: it was put in quarantine']);
    table.quarantine('b', 0);
    expect(group.probe(clock.now())).toBe('a');
    expect(() => table.quarantine('b', Number.NaN)).toThrow('the time of a quarantine is NaN: it takes milliseconds that are not negative');
    expect(() => table.quarantine('b', -1)).toThrow(TypeError);
  });

  it('is in quarantine when it does not speak the protocol', () => {
    const { table, group, call, clock } = nodeBench(2);
    call('a', badFrame);
    expect([group.usable(), table.snapshot()[0]?.ejectedFor]).toEqual([['b'], 'quarantine']);
    clock.advance(10_000);
    expect(group.probe(clock.now())).toBe('a');
  });

  it('says so when it drains, by an announcement or by a refusal', () => {
    const { table, group, call } = nodeBench(3);
    table.drains('a');
    call('b', closing);
    expect(group.usable()).toEqual(['c']);
    expect(table.why('a')).toBe('a is avoided for 1 s more: it announced that it is about to end');
    expect(table.why('b')).toBe('b is avoided for 1 s more: unavailable: said CLOSED');
  });

  it('is used all the same when there is no other', () => {
    const { table, group } = nodeBench(1);
    table.quarantine('a', 1000);
    expect([group.usable(), table.why('a')]).toEqual([['a'], undefined]);
  });

  it('is forgotten in time when it is in no list', () => {
    const { table, clock, call } = nodeBench(1);
    table.quarantine('stranger', 15_000);
    call('a');
    clock.advance(11_000);
    call('a');
    expect(table.snapshot()).toHaveLength(2);
    clock.advance(11_000);
    call('a');
    expect(table.snapshot()).toHaveLength(1);
  });
});

describe('what is told of servers', () => {
  it('is plain JSON with counts, times and reasons', () => {
    const { clock, table, begin, end, call, calls } = nodeBench(2);
    const slow = begin('b');
    clock.advance(100);
    end(slow);
    begin('b');
    call('a', threw);
    clock.advance(50);
    calls(5, 'a', timeout);
    const snapshot = table.snapshot();
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
    const at = clock.wallTime();
    expect(snapshot).toEqual([
      {
        address: 'a',
        state: 'ejected',
        inFlight: 0,
        calls: 6,
        failures: 6,
        failuresByCode: { unknown: 1, deadline_exceeded: 5 },
        p50Ms: 0.0005,
        p95Ms: 0.0005,
        p99Ms: 0.0005,
        ejectedFor: 'consecutive',
        evidence: '5 calls in a row failed, the last one with deadline_exceeded: said TIMEOUT',
        ejectedUntilMs: at + 10_000,
        lastError: { code: 'deadline_exceeded', message: 'said TIMEOUT', atMs: at },
      },
      { address: 'b', state: 'healthy', inFlight: 1, calls: 2, failures: 0, failuresByCode: {}, p50Ms: expect.closeTo(100, -1), p95Ms: expect.closeTo(100, -1), p99Ms: expect.closeTo(100, -1) },
    ]);
  });

  it('has no time at which a quarantine for good ends', () => {
    const { table } = nodeBench(2);
    table.quarantine('a', Infinity);
    expect(table.snapshot()[0]).toEqual({ address: 'a', state: 'ejected', inFlight: 0, calls: 0, failures: 0, failuresByCode: {}, ejectedFor: 'quarantine', evidence: 'it was put in quarantine' });
  });

  it('is no more of a long message than its beginning', () => {
    const { table, call } = nodeBench(2);
    call('a', new RpcError('unknown', 'long '.repeat(1000), { remote: true }));
    const { message } = table.snapshot()[0]?.lastError ?? { message: '' };
    expect([message.length, message.at(-1)]).toEqual([300, '…']);
  });

  it('counts an attempt once, however often its end is told', () => {
    const { table, begin, end } = nodeBench(2);
    const attempt = begin('a');
    end(attempt);
    end(attempt, timeout);
    expect(table.snapshot()[0]).toMatchObject({ inFlight: 0, calls: 1, failures: 0 });
  });

  it('uses no timer', () => {
    const { clock, calls, begin } = nodeBench(3);
    calls(10, 'a', timeout);
    begin('b');
    expect(clock.pending).toBe(0);
  });
});
