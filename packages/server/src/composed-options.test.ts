import { describe, expect, it } from 'vitest';
import { createServer } from './server.ts';

describe('options of a server that are no such thing', () => {
  const tcp = (): object => ({});
  it.each([
    [{ timeoutMs: 5 }, 'createServer has no option "timeoutMs": it takes transports, codecs, '],
    [{ transports: tcp }, 'a list'], [{ transports: [tcp] }, 'the function tcp'], [{ transports: [null] }, 'transports'], [{ codecs: [{ id: 3, name: 'x' }] }, 'encode'],
    [{ codecs: {} }, 'a list'], [{ compressors: [null] }, 'compressors'], [{ plugins: 'x' }, 'a list'], [{ plugins: [7] }, 'plugins'], [{ registries: {} }, 'a list'],
    [{ auth: 'x' }, 'a function'], [{ mapError: 'x' }, 'a function'], [{ limits: { maxCals: 1 } }, '"maxCals"'], [{ heartbeat: { idlMs: 1 } }, '"idlMs"'], [{ heartbeat: { idleMs: -1 } }, 'heartbeat.idleMs is -1'],
    [{ limits: { maxCalls: 0 } }, 'limits.maxCalls is 0: it takes a number from 1 on'], [{ limits: 5 }, 'limits is 5: it takes an object'],
    [{ logger: {} }, 'logger is an object of another kind: it takes an object with the functions debug'], [{ clock: 'x' }, 'clock is "x": it takes an object with the functions now'],
    [{ advertise: { addresses: ['x'] } }, '"x" is no host and port: write 127.0.0.1:8972'], [{ advertise: { addresses: 'tcp@a:1' } }, 'advertise.addresses takes a list of addresses'],
    [{ advertise: { addresses: [5] } }, 'advertise.addresses takes a list of addresses'], [{ advertise: { host: 5 } }, 'advertise.host is 5: it takes the name'], [{ advertise: { host: 'h:1' } }, 'the port stays that of listen'], [{ advertise: { host: 'tcp@h' } }, 'it takes a name or an address alone'], [{ advertise: { host: 'a b' } }, 'advertise.host is "a b"'], [{ advertise: 'x' }, 'advertise is "x": it takes an object'],
    [null, 'options'],
  ])('%j is a TypeError that says what to pass', (options, text) => {
    expect(() => createServer(options as never)).toThrow(TypeError);
    expect(() => createServer(options as never)).toThrow(text);
  });
  it('go on in what is done with it: a handler that is none, and a time that is none', () => {
    const server = createServer();
    const guard = () => () => { throw new Error('guarded'); };
    for (const [options, text] of [
      [{ intercept: guard }, 'intercept is the function guard: it takes a list'], [{ intercept: new Set([guard]) }, 'intercept is an object of another kind: it takes a list'],
      [{ intercept: 5 }, 'intercept is 5: it takes a list'], [{ interceptors: [guard] }, 'register has no option "interceptors": it takes path, metadata, intercept, methods'],
      [{ methods: 'M' }, 'methods is "M": it takes a list'], [{ path: 5 }, '5 cannot be a service path: it takes a text'],
    ] as const) {
      // An option that is ignored here would leave a method without the guard that its author counts on.
      expect(() => server.register('S', { M: () => 1 }, { methods: ['M'], ...options } as never)).toThrow(new TypeError(text));
    }
    expect(() => server.register(5 as never, {}, { methods: [] })).toThrow(new TypeError('the service of register is 5: it takes a name or a contract'));
    expect(() => server.register('S', null as never, { methods: [] })).toThrow(new TypeError('the implementation of register is null: it takes an object with the methods'));
    expect(() => server.registerFunction('S', 'F', 'no function' as never)).toThrow(new TypeError("registerFunction('S', 'F') got \"no function\": it takes a function that answers calls"));
    expect(() => server.handle('S', undefined, {} as never)).toThrow(new TypeError("handle('S') got an object of another kind: it takes a function that answers calls"));
    expect(() => server.close({ grace: 5 } as object)).toThrow(new TypeError('close has no option "grace": it takes graceMs, lameDuckMs'));
    for (const wrong of ['x', 5, null]) expect(() => server.close(wrong as never)).toThrow(/^close got .*it takes an object of milliseconds/);
  });
});
