import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../test/manual-clock.ts';
import { consoleLogger } from './console-logger.ts';
import { RpcError } from './errors.ts';

const lines: string[] = [];
beforeEach(() => {
  lines.length = 0;
  for (const level of ['debug', 'info', 'log', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => void lines.push([level, ...parts].join(' | ')));
  }
});
afterEach(() => void vi.restoreAllMocks());

describe('consoleLogger', () => {
  it('writes warnings and errors only', () => {
    const logger = consoleLogger(new ManualClock());
    logger.debug({}, 'a');
    logger.info({}, 'b');
    logger.warn({ peer: 'tcp@a:1' }, 'c');
    logger.error({ n: 1n }, 'd');
    expect(lines).toEqual(['warn | [rpcxjs] c {"peer":"tcp@a:1"}', 'error | [rpcxjs] d {"n":"1"}']);
  });

  it('adds the fields of its child, the nearer one winning', () => {
    consoleLogger(new ManualClock()).child({ a: 1, b: 1 }).child({ b: 2 }).warn({ c: 3 }, 'm');
    expect(lines).toEqual(['warn | [rpcxjs] m {"a":1,"b":2,"c":3}']);
  });

  it('cuts a message that repeats to 10 lines a second, children included, and then says how many there were', () => {
    const clock = new ManualClock();
    const logger = consoleLogger(clock);
    for (let times = 0; times < 500; times++) logger.child({}).warn({ times }, 'storm');
    logger.warn({}, 'another');
    expect(lines.length).toBe(11);
    clock.advance(999);
    logger.warn({}, 'storm');
    expect(lines.length).toBe(11);
    clock.advance(1);
    logger.warn({ times: 'next' }, 'storm');
    expect(lines.slice(11)).toEqual(['warn | [rpcxjs] storm {"dropped":491}', 'warn | [rpcxjs] storm {"times":"next"}']);
    for (let times = 0; times < 50; times++) logger.warn({}, 'storm');
    expect(lines.length).toBe(13 + 9);
  });

  it('forgets old messages, so that a flood of different ones does not grow the process', () => {
    const set = vi.spyOn(Map.prototype, 'set');
    const logger = consoleLogger(new ManualClock());
    for (let index = 0; index < 5000; index++) logger.warn({}, `message ${index}`);
    const windows = set.mock.contexts.at(-1) as Map<string, unknown>;
    expect(windows.size).toBeLessThanOrEqual(1001);
    set.mockRestore();
  });

  it('B7: stays on one line whatever a peer sent, and sends the terminal no control characters', () => {
    const logger = consoleLogger(new ManualClock());
    const hostile = 'a\r\n[rpcxjs] forged\u0000\u001b[2J\u009b2J\u2028x';
    logger.warn({ hostile, [hostile]: 1, error: new Error(hostile) }, hostile);
    logger.warn({ error: new RpcError('unavailable', hostile) }, 'other');
    for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(lines[0]).toContain('console-logger.test.ts');
    expect(lines[1]).toContain('forged');
    expect(lines[1]).toContain('(unavailable)');
  });

  const cyclic = (): object => {
    const loop: { self?: unknown } = {};
    return Object.assign(loop, { self: loop });
  };
  const revoked = (): object => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return { proxy };
  };
  it.each([cyclic, revoked, () => ({ get x(): never { throw new Error('trap'); } })])('survives fields that cannot be shown (%#)', (make) => {
    consoleLogger(new ManualClock()).warn(make(), 'm');
    expect(lines).toEqual(['warn | [rpcxjs] m {a value that cannot be shown}']);
  });
});
