import { describe, expect, it } from 'vitest';
import { errors, nodeBench, type NodeBench } from './node-bench.ts';

const { timeout, refused, lost, silent, canceled, threw, overloaded, congested, declared } = errors;

describe('a server whose calls fail one after the other', () => {
  it('M31: is avoided after five failures, for 10 s, and then tried with one call', () => {
    const { clock, group, calls, call, begin, end, state } = nodeBench(3);
    calls(4, 'a', timeout);
    expect(group.usable()).toEqual(['a', 'b', 'c']);
    call('a', timeout);
    expect(group.usable()).toEqual(['b', 'c']);
    clock.advance(9999);
    expect(group.probe(clock.now())).toBeUndefined();
    clock.advance(1);
    expect(group.probe(clock.now())).toBe('a');
    const trial = begin('a');
    expect([state('a'), group.probe(clock.now()), group.usable()]).toEqual(['probing', undefined, ['b', 'c']]);
    end(trial);
    expect([state('a'), group.usable()]).toEqual(['healthy', ['a', 'b', 'c']]);
  });

  it('M31: is not brought back by a late success of a call from before', () => {
    const { clock, group, begin, end, calls } = nodeBench(2);
    const [early, earlier] = [begin('a'), begin('a')];
    calls(5, 'a', timeout);
    end(early);
    expect(group.usable()).toEqual(['b']);
    clock.advance(10_000);
    const trial = begin('a');
    end(earlier);
    expect(group.usable()).toEqual(['b']);
    end(trial, timeout);
    expect(group.usable()).toEqual(['b']);
  });

  it('M31: is not pushed out by late failures of calls from before', () => {
    const { clock, group, begin, end, calls, call } = nodeBench(2);
    const early = Array.from({ length: 10 }, () => begin('a'));
    calls(5, 'a', timeout);
    clock.advance(10_000);
    call('a');
    for (const one of early) end(one, timeout);
    expect(group.usable()).toEqual(['a', 'b']);
  });

  it('M31: is not at fault for congestion here, cancelled calls, refusals and errors of the application', () => {
    const { group, calls } = nodeBench(2);
    for (const error of [congested, canceled, overloaded, declared, threw]) calls(20, 'a', error);
    expect(group.usable()).toEqual(['a', 'b']);
  });

  it('M31: is not forgiven by a late success of a call from before', () => {
    const { clock, group, begin, end, calls, call } = nodeBench(2);
    const early = begin('a');
    calls(5, 'a', timeout);
    clock.advance(10_000);
    call('a');
    calls(4, 'a', timeout);
    end(early);
    call('a', timeout);
    expect(group.usable()).toEqual(['b']);
  });

  it('is not forgiven by calls that nobody replies to: what is frozen takes them too', () => {
    const { group, begin, end, call, clock, table } = nodeBench(2);
    for (let made = 0; made < 5; made++) {
      end(begin('a', true));
      call('a', timeout);
    }
    end(begin('a', true));
    expect(group.usable()).toEqual(['b']);
    expect(table.snapshot()[0]).toMatchObject({ calls: 11, failures: 5, inFlight: 0 });
    clock.advance(10_000);
    end(begin('a', true));
    expect(group.usable()).toEqual(['a', 'b']);
  });

  it('begins anew when it is well again', () => {
    const { clock, group, calls, table } = nodeBench(2, { ejectionMs: 1000 });
    calls(50, 'b');
    calls(5, 'a', timeout);
    clock.advance(1000);
    calls(1, 'a');
    calls(4, 'a', timeout);
    expect(group.usable()).toEqual(['a', 'b']);
    calls(40, 'a');
    clock.advance(10_000);
    calls(1, 'a');
    // 4 of 46, and not 9.
    expect(table.snapshot()[0]?.state).toBe('healthy');
  });

  it('is forgiven by one success', () => {
    const { group, calls, call } = nodeBench(2);
    calls(4, 'a', timeout);
    call('a');
    calls(4, 'a', timeout);
    expect(group.usable()).toEqual(['a', 'b']);
  });

  it('is brought back by a reply to a later call, which somebody sent it all the same', () => {
    const { group, calls, call } = nodeBench(2);
    calls(5, 'a', timeout);
    call('a', timeout);
    expect(group.usable()).toEqual(['b']);
    call('a');
    expect(group.usable()).toEqual(['a', 'b']);
  });

  it('is avoided longer each time, at most 5 minutes, and forgiven by healthy times', () => {
    const { clock, table, calls, call, group } = nodeBench(2);
    const ejectedMs = () => (table.snapshot()[0]?.ejectedUntilMs ?? Number.NaN) - clock.wallTime();
    calls(5, 'a', timeout);
    const lengths = [ejectedMs()];
    for (let turn = 0; turn < 40; turn++) {
      clock.advance(lengths.at(-1) as number); // not empty
      call(group.probe(clock.now()) ?? 'none', timeout);
      lengths.push(ejectedMs());
    }
    expect(lengths.slice(0, 4)).toEqual([10_000, 20_000, 30_000, 40_000]);
    expect(lengths.at(-1)).toBe(300_000);
    clock.advance(300_000);
    call('a');
    // 30 s of health make up for one time.
    clock.advance(38 * 30_000);
    calls(5, 'a', timeout);
    expect(ejectedMs()).toBe(40_000);
  });

  it('does not count a deadline that came sooner than half of what its calls take', () => {
    const { clock, begin, end, group } = nodeBench(2);
    const last = (durationMs: number, error?: unknown) => {
      const attempt = begin('a');
      clock.advance(durationMs);
      end(attempt, error);
    };
    for (let made = 0; made < 10; made++) last(100);
    for (let made = 0; made < 10; made++) last(40, timeout);
    expect(group.usable()).toEqual(['a', 'b']);
    for (let made = 0; made < 5; made++) last(60, timeout);
    expect(group.usable()).toEqual(['b']);
  });
});

describe('a server that cannot be reached', () => {
  it.each([['refuses', refused], ['loses a connection', lost], ['falls silent', silent]])('G11: is avoided at once when it %s', (_what, error) => {
    const { group, call } = nodeBench(2);
    call('a', error);
    expect(group.usable()).toEqual(['b']);
  });

  it('is tried again soon, then later and later, at most every 5 s', () => {
    const { clock, group, call } = nodeBench(2);
    const waits: number[] = [];
    call('a', refused);
    for (let turn = 0; turn < 200; turn++) {
      let waitedMs = 0;
      for (; group.probe(clock.now()) === undefined; waitedMs += 10) clock.advance(10);
      waits.push(waitedMs);
      call('a', refused);
    }
    for (const wait of waits.slice(0, 5)) expect(wait).toBeLessThanOrEqual(1610);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(100);
    expect(Math.max(...waits)).toBeGreaterThan(4500);
    expect(Math.max(...waits)).toBeLessThanOrEqual(5000);
  });

  it('E7: is not tried again by all its clients at once', () => {
    const clients = 200;
    const tries = Array.from({ length: clients }, (_, seed) => {
      const { clock, group, call } = nodeBench(2, {}, undefined, seed + 1);
      call('a', lost);
      while (group.probe(clock.now()) === undefined) clock.advance(10);
      return clock.now();
    });
    const peak = Math.max(...tries.map((from) => tries.filter((at) => at >= from && at < from + 100).length));
    expect(peak / clients).toBeLessThanOrEqual(0.15);
  });

  it('is tried again as soon as the first time when it has been reached for 5 s', () => {
    const longest = (reachedMs: number) => {
      const { clock, group, call } = nodeBench(2);
      let mostMs = 0;
      for (let turn = 0; turn < 50; turn++) {
        call('a', refused);
        const refusedAt = clock.now();
        while (group.probe(clock.now()) === undefined) clock.advance(10);
        mostMs = Math.max(mostMs, clock.now() - refusedAt);
        call('a');
        clock.advance(reachedMs);
      }
      return mostMs;
    };
    expect(longest(4999)).toBeGreaterThan(3000);
    expect(longest(5000)).toBeLessThanOrEqual(1610);
  });

  it('is not counted twice by the many calls that one connection took with it', () => {
    const { clock, group, begin, end, table } = nodeBench(2);
    const calls = Array.from({ length: 50 }, () => begin('a'));
    for (const call of calls) end(call, lost);
    expect(table.snapshot()[0]).toMatchObject({ state: 'ejected', ejectedFor: 'unreachable', failures: 50, inFlight: 0 });
    clock.advance(1600);
    expect(group.probe(clock.now())).toBe('a');
  });

  it('is avoided for 10 s when it said nothing: what is frozen still accepts connections', () => {
    const { clock, group, call } = nodeBench(2);
    call('a', silent);
    clock.advance(9999);
    expect(group.probe(clock.now())).toBeUndefined();
    clock.advance(1);
    expect(group.probe(clock.now())).toBe('a');
  });

  it('is avoided however many others are as well, as long as one is left', () => {
    const { group, call } = nodeBench(5);
    for (const address of ['a', 'b', 'c', 'd']) call(address, refused);
    expect(group.usable()).toEqual(['e']);
    call('e', refused);
    expect(group.usable()).toEqual(['a', 'b', 'c', 'd', 'e']);
    call('c');
    expect(group.usable()).toEqual(['c']);
  });
});

describe('a server that fails more than its peers', () => {
  const rounds = (count: number, { clock, calls, group }: NodeBench, sick: readonly string[]) => {
    for (let round = 0; round < count; round++) {
      for (const address of group.usable()) calls(1, address, sick.includes(address) && round % 2 === 0 ? threw : undefined);
      clock.advance(100);
    }
  };

  it('D8: is avoided within two intervals when it is one of five and fails half, and comes back with one call when it is well', () => {
    const bench = nodeBench(5);
    const { clock, group, table, begin, end, call } = bench;
    rounds(150, bench, ['b']);
    expect(group.usable()).toEqual(['a', 'c', 'd', 'e']);
    expect(table.why('b')).toMatch(/^b is avoided for \d+ s more: \d+ of \d+ calls failed, clearly more than at its peers, the last one with unknown: said HANDLER_THREW$/);
    clock.advance(5000);
    expect(table.why('b')).toContain('b is avoided until a call has tried it: ');
    expect(group.probe(clock.now())).toBe('b');
    end(begin('b'), threw);
    expect(group.usable()).toEqual(['a', 'c', 'd', 'e']);
    clock.advance(20_000);
    expect(group.probe(clock.now())).toBe('b');
    call('b');
    expect(group.usable()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('D8: is not brought back before its time by calls that went well: half of them do', () => {
    const bench = nodeBench(5);
    rounds(150, bench, ['b']);
    bench.calls(10, 'b');
    expect(bench.group.usable()).toEqual(['a', 'c', 'd', 'e']);
  });

  it('D8: is avoided within two intervals also after a day without a failure', () => {
    const bench = nodeBench(5);
    for (let minute = 0; minute < 60 * 24; minute++) {
      for (const address of 'abcde') bench.calls(10, address);
      bench.clock.advance(60_000);
    }
    rounds(200, bench, ['b']);
    expect(bench.table.snapshot()[1]).toMatchObject({ ejectedFor: 'success-rate' });
  });

  it('D8: stays when all fail alike', () => {
    const bench = nodeBench(5);
    rounds(500, bench, ['a', 'b', 'c', 'd', 'e']);
    expect(bench.group.usable()).toHaveLength(5);
  });

  it('is compared with the servers of its own lists only', () => {
    const bench = nodeBench(3);
    const { table, calls, clock } = bench;
    table.group(['x', 'y', 'z']);
    for (let turn = 0; turn < 3; turn++) {
      for (const address of ['a', 'b', 'c']) calls(50, address);
      for (const address of ['x', 'y', 'z']) calls(50, address, threw);
      clock.advance(10_000);
    }
    expect(table.snapshot().map(({ state }) => state)).toEqual(Array<string>(6).fill('healthy'));
  });

  it('is found out over some quiet intervals too', () => {
    const { table, clock, calls, group } = nodeBench(3, { minimumCalls: 10 });
    for (let turn = 0; turn < 8; turn++) {
      for (const address of group.usable()) calls(6, address, address === 'c' ? threw : undefined);
      clock.advance(10_000);
    }
    expect(table.snapshot()[2]).toMatchObject({ ejectedFor: 'success-rate' });
  });
});
