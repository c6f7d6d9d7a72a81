import { silentLogger, type Logger } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runtimeOf } from './runtime-of.ts';

afterEach(() => { vi.restoreAllMocks(); });

describe('a logger', () => {
  const closed = new Error('the file was closed');
  const broken = (fails: () => unknown): Logger => ({ debug: fails, info: fails, warn: fails, error: fails, child: () => broken(fails) });

  it.each<[string, () => unknown]>([
    ['throws', () => { throw closed; }],
    ['returns a promise that rejects', () => Promise.reject(closed)],
  ])('that %s fails nobody who logs: warnings and errors go to the console, with what it failed with', async (_how, fails) => {
    const [warn, error] = [vi.spyOn(console, 'warn').mockReturnValue(), vi.spyOn(console, 'error').mockReturnValue()];
    const { logger } = runtimeOf({ clock: manualClock(), logger: broken(fails) });
    logger.debug({}, 'not this');
    logger.info({}, 'nor this');
    logger.warn({ plugin: 'p' }, 'a plugin threw');
    logger.child({ a: 1 }).error({}, 'and its child');
    await vi.waitFor(() => expect(error).toHaveBeenCalled());
    expect(warn.mock.calls).toEqual([['[rpcxjs] a plugin threw {"plugin":"p","logger":"the file was closed"}']]);
    expect(error.mock.calls).toEqual([['[rpcxjs] and its child {"logger":"the file was closed"}']]);
  });

  it('gets its lines as they are, called as a method of its own', () => {
    const lines: unknown[] = [];
    class Kept { readonly lines = lines; warn(...line: unknown[]) { this.lines.push(line); } }
    const logger = Object.assign(new Kept(), { debug() {}, info() {}, error() {}, child: () => silentLogger });
    runtimeOf({ logger }).logger.warn({ a: 1 }, 'text');
    expect(lines).toEqual([[{ a: 1 }, 'text']]);
  });
});
