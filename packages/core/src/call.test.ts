import { describe, expect, it } from 'vitest';
import { intercept, settle, type Handle, type Interceptor } from './call.ts';

describe('intercept', () => {
  it('makes the first interceptor the outermost', () => {
    const log: string[] = [];
    const named = (name: string): Interceptor<string, string> => (next) => (call) => {
      log.push(`${name} in`);
      const reply = next(`${call}${name}`) as string; // the terminal below is synchronous
      log.push(`${name} out`);
      return `${reply}${name}`;
    };
    const run = intercept([named('1'), named('2')], (call) => `${call}!`);
    expect(run('call')).toBe('call12!21');
    expect(log).toEqual(['1 in', '2 in', '2 out', '1 out']);
  });

  it('is the terminal itself without any', () => {
    const terminal: Handle<string, string> = (call) => call;
    expect(intercept([], terminal)).toBe(terminal);
  });

  it.each([[undefined], [{}], [() => undefined], [async () => { throw new Error('no next'); }]])('says what an interceptor is when it gets %s', (wrong) => {
    expect(() => intercept([wrong as unknown as Interceptor<string, string>], (call) => call)).toThrow(new TypeError('an interceptor is (next) => (call) => next(call)'));
  });

  it('composes once, not for each call', () => {
    let composed = 0;
    const run = intercept<number, number>([(next) => {
      composed += 1;
      return next;
    }], (call) => call);
    expect([run(1), run(2)]).toEqual([1, 2]);
    expect(composed).toBe(1);
  });

  it('lets an interceptor refuse, repeat and change the call', () => {
    const calls: number[] = [];
    const run = intercept<number, string>(
      [
        (next) => (call) => (call < 0 ? 'refused' : next(call)),
        (next) => (call) => `${next(call)}${next(call + 1)}`,
      ],
      (call) => {
        calls.push(call);
        return `<${call}>`;
      },
    );
    expect(run(-1)).toBe('refused');
    expect(run(1)).toBe('<1><2>');
    expect(calls).toEqual([1, 2]);
  });
});

describe('settle', () => {
  const told: string[] = [];
  const ok = (value: unknown): string => {
    told.push(`ok ${String(value)}`);
    return 'ok';
  };
  const failed = (error: unknown): string => {
    told.push(`failed ${String(error)}`);
    return 'failed';
  };

  it('continues after a value and after a throw without a promise', () => {
    told.length = 0;
    expect(settle(() => 1, ok, failed)).toBe('ok');
    expect(settle(() => { throw 'no'; }, ok, failed)).toBe('failed');
    expect(settle(() => undefined, ok, failed)).toBe('ok');
    expect(settle(() => null, ok, failed)).toBe('ok');
    expect(told).toEqual(['ok 1', 'failed no', 'ok undefined', 'ok null']);
  });

  it('continues after a promise either way', async () => {
    told.length = 0;
    expect(await settle(() => Promise.resolve(1), ok, failed)).toBe('ok');
    expect(await settle(() => Promise.reject(new Error('no')), ok, failed)).toBe('failed');
    expect(told).toEqual(['ok 1', 'failed Error: no']);
  });

  it('waits for anything with a then, as await does', async () => {
    told.length = 0;
    const query = { then: (resolve: (value: string) => void) => resolve('row') } as unknown as Promise<string>;
    expect(await settle(() => query, ok, failed)).toBe('ok');
    expect(told).toEqual(['ok row']);
  });

  it('takes a `then` that is no function for data', () => {
    told.length = 0;
    expect(settle(() => ({ then: 'x', toString: () => 'data' }), ok, failed)).toBe('ok');
    expect(told).toEqual(['ok data']);
  });

  it('C6: fails for a result that refuses to be looked at', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(settle(() => proxy, () => 'ok', () => 'failed')).toBe('failed');
    expect(settle(() => ({ get then(): never { throw new Error('trap'); } }), () => 'ok', () => 'failed')).toBe('failed');
  });

  it('does not call `failed` for what `ok` throws', () => {
    told.length = 0;
    expect(() => settle(() => 1, () => { throw new Error('in ok'); }, failed)).toThrow('in ok');
    expect(told).toEqual([]);
  });
});
