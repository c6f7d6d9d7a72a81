import { describe, expect, it } from 'vitest';
import { createServer } from './server.ts';

describe('options of a server that are no such thing', () => {
  const tcp = (): object => ({});
  it.each([
    [{ transports: tcp }, 'a list'], [{ transports: [tcp] }, 'the function tcp'], [{ transports: [null] }, 'transports'], [{ codecs: [{ id: 3, name: 'x' }] }, 'encode'],
    [{ codecs: {} }, 'a list'], [{ compressors: [null] }, 'compressors'], [{ plugins: 'x' }, 'a list'], [{ plugins: [7] }, 'plugins'], [{ registries: {} }, 'a list'],
    [{ auth: 'x' }, 'a function'], [{ mapError: 'x' }, 'a function'], [{ limits: { maxCals: 1 } }, '"maxCals"'], [{ heartbeat: { idlMs: 1 } }, '"idlMs"'], [{ heartbeat: { idleMs: -1 } }, 'heartbeat.idleMs is -1'], [null, 'options'],
  ])('%j is a TypeError that says what to pass', (options, text) => {
    expect(() => createServer(options as never)).toThrow(TypeError);
    expect(() => createServer(options as never)).toThrow(text);
  });
});
