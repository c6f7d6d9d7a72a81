import { contract, unary, type ServerCall } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { frame } from './frame.ts';
import { openServer } from './open-server.ts';

const inherent = ['constructor', '__proto__', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', 'toJSON', '__defineGetter__', '__lookupSetter__', 'then', 'catch', 'finally', '', '#secret', 'secret', 'Symbol(x)', 'Symbol.iterator', 'apply', 'call', 'bind', 'length', 'name', 'arguments', 'caller'];

class Account {
  calls = 0;
  #secret(): string {
    this.calls += 1;
    return 'secret';
  }
  secret(): string {
    return this.#secret();
  }
  Get(): string {
    return 'listed';
  }
}

describe('C2: names that every object knows', () => {
  it('are no methods of any service, and reach no handler', async () => {
    let invoked = 0;
    const count = () => (invoked += 1);
    const account = new Account();
    const plain = Object.assign(Object.create({ then: count, secret: count }) as object, { Get: () => 'listed', secret: count, then: count });
    const arith = contract('Contract', { Get: unary<unknown, string>() });
    await using open = await openServer({}, (server) =>
      server
        .register('Class', account, { methods: ['Get'] })
        .register('Plain', plain as { Get(): string }, { methods: ['Get'] })
        .register(arith, { Get: () => 'listed' })
        .registerFunction('Function', 'Get', () => 'listed')
        .handle('Raw', 'Get', (message) => ({ ...message, metadata: {}, payload: Buffer.from('"listed"') })),
    );
    const peer = await open.peer();
    let sequence = 0n;
    for (const service of ['Class', 'Plain', 'Contract', 'Function', 'Raw', ...inherent]) {
      for (const method of inherent) {
        peer.send(frame({ service, method, sequence: (sequence += 1n), payload: '1' }));
        const reply = await peer.reply(sequence);
        const known = !inherent.includes(service);
        const text = reply.metadata['__rpcx_error__'];
        expect(text, `${service}.${method}`).toBe(known ? `rpcx: can't find method ${method}` : `rpcx: can't find service ${service}`);
        expect(reply.flags & 3).toBe(1);
      }
    }
    for (const service of ['Class', 'Plain', 'Contract', 'Function', 'Raw']) {
      peer.send(frame({ service, method: 'Get', sequence: (sequence += 1n), payload: '1' }));
      expect((await peer.reply(sequence)).payload.toString()).toBe('"listed"');
    }
    expect(invoked).toBe(0);
    expect(account.calls).toBe(0);
  });

  it('may be registered by whoever means them: a function or a handler of that very name', async () => {
    await using open = await openServer({}, (server) => server.registerFunction('constructor', 'toString', () => 'mine').handle('__proto__', 'then', (message) => ({ ...message, payload: Buffer.from('"raw"') })));
    const client = open.client();
    expect(await client.call('constructor', 'toString', 1)).toBe('mine');
    expect(await client.call('__proto__', 'then', 1)).toBe('raw');
    await expect(client.call('constructor', 'valueOf', 1)).rejects.toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_METHOD' });
  });

  it('may be methods of a contract, all that its names may be', async () => {
    const names = inherent.filter((name) => name !== '' && name !== 'then');
    const odd = contract('Odd', Object.fromEntries(names.map((name) => [name, unary<number, string>()])));
    const handlers = Object.fromEntries(names.map((name) => [name, (input: number) => `${name} ${input}`]));
    await using open = await openServer({}, (server) => server.register(odd, handlers));
    const client = open.client();
    const service = client.service(odd) as Readonly<Record<string, (input: number) => Promise<string>>>;
    for (const name of names) expect([await service[name]?.(1), await client.call('Odd', name, 2)]).toEqual([`${name} 1`, `${name} 2`]);
  });
});

describe('C4: the exact tuple', () => {
  const seen: string[] = [];
  const cases: readonly (readonly [string | Uint8Array, string | Uint8Array, boolean])[] = [
    ['A.B', 'C', true],
    ['A', 'B.C', false],
    ['A.B.C', '', false],
    ['', 'A.B.C', false],
    ['a.b', 'C', false],
    ['A.B', 'c', false],
    ['A.B.', 'C', false],
    ['A.B', 'C.', false],
    ['A.B', '.C', false],
    ['A.B ', 'C', false],
    ['A.B', 'C\0', false],
    ['A.B\0', 'C', false],
    ['\0A.B', 'C', false],
    ['\u0410.B', 'C', false],
    ['A.\u0412', '\u0421', false],
    ['A.B', '\uff23', false],
    ['A\u2024B', 'C', false],
    ['A.B\u200b', 'C', false],
    [Buffer.from([0x41, 0x2e, 0x42, 0xff]), 'C', false],
    ['A.B', Buffer.from([0x43, 0xc0, 0x80]), false],
  ];

  it('alone is served, and what asks for authorisation sees exactly what was sent', async () => {
    seen.length = 0;
    let ran = 0;
    await using open = await openServer(
      { auth: (_token, call) => { seen.push(JSON.stringify([call.service, call.method])); return true; } },
      (server) => server.registerFunction('A.B', 'C', () => (ran += 1)),
    );
    const peer = await open.peer();
    let sequence = 0n;
    for (const [service, method, served] of cases) {
      peer.send(frame({ service, method, sequence: (sequence += 1n), payload: '1' }));
      const { flags } = await peer.reply(sequence);
      expect(flags & 3, JSON.stringify([service, method])).toBe(served ? 0 : 1);
      expect(seen.at(-1)).toBe(JSON.stringify([Buffer.from(service as string).toString(), Buffer.from(method as string).toString()]));
    }
    expect(ran).toBe(1);
  });

  it('is found again in any order, with hundreds of methods whose names are alike', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `M${index % 10}${'x'.repeat(index % 7)}${index}`);
    await using open = await openServer({}, (server) => {
      for (const name of names) server.registerFunction(name.length % 2 === 0 ? 'S' : 'SS', name, () => name);
    });
    const peer = await open.peer();
    let sequence = 0n;
    const expected = new Map<bigint, string>();
    for (let round = 0; round < 3; round++) {
      for (const name of names) {
        peer.send(frame({ service: name.length % 2 === 0 ? 'S' : 'SS', method: name, sequence: (sequence += 1n), payload: '1' }));
        expected.set(sequence, JSON.stringify(name));
        peer.send(frame({ service: name.length % 2 === 0 ? 'SS' : 'S', method: name, sequence: (sequence += 1n), payload: '1' }));
        expected.set(sequence, '');
      }
    }
    await peer.reply(sequence);
    for (const { sequence: number, payload } of peer.frames) expect(payload.toString()).toBe(expected.get(number));
    expect(peer.frames).toHaveLength(expected.size);
  });

  it('with malformed UTF-8 does not reach a method whose name has the replacement character', async () => {
    await using open = await openServer({}, (server) => server.registerFunction('S\ufffd', 'M', () => 'mine').handle('R\ufffd', undefined, (message) => message));
    const peer = await open.peer();
    peer.send(frame({ service: Buffer.from([0x53, 0xff]), method: 'M', sequence: 1n, payload: '1' }), frame({ service: 'S\ufffd', method: 'M', sequence: 2n, payload: '1' }));
    peer.send(frame({ service: Buffer.from([0x52, 0xff]), method: 'M', sequence: 3n }), frame({ service: 'R\ufffd', method: Buffer.from([0xff]), sequence: 4n }));
    peer.send(frame({ service: 'R\ufffd', method: '\ufffd', sequence: 5n }));
    expect((await peer.reply(1n)).flags & 3).toBe(1);
    expect((await peer.reply(2n)).payload.toString()).toBe('"mine"');
    expect((await peer.reply(3n)).flags & 3).toBe(1);
    expect((await peer.reply(4n)).flags & 3).toBe(1);
    expect((await peer.reply(5n)).flags & 3).toBe(0);
  });
});

describe('C1: keys that pollute', () => {
  it('are plain metadata and plain values on the way in and out, and Object.prototype stays as it was', async () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const calls: { metadata: object; input: unknown }[] = [];
    await using open = await openServer({}, (server) =>
      server.registerFunction('S', 'M', (input: unknown, call: ServerCall) => {
        calls.push({ metadata: call.metadata, input });
        call.responseMetadata['__proto__'] = 'out';
        call.responseMetadata['constructor'] = 'too';
        return input;
      }),
    );
    const peer = await open.peer();
    const metadata = [['__proto__', 'polluted'], ['constructor', 'c'], ['prototype', 'p'], ['isAdmin', 'no']] as const;
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, metadata, payload: '{"__proto__":{"isAdmin":true},"a":{"__proto__":{"b":1},"constructor":{"prototype":{"c":1}}}}' }));
    const reply = await peer.reply(1n);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    const [call] = calls;
    expect(Object.getPrototypeOf(call?.metadata)).toBeNull();
    expect(Object.keys(call?.metadata ?? {}).sort()).toEqual(['__proto__', 'constructor', 'isAdmin', 'prototype']);
    expect(Object.getPrototypeOf(call?.input)).toBe(Object.prototype);
    expect(Object.keys(call?.input as object)).toEqual(['__proto__', 'a']);
    expect(reply.payload.toString()).toContain('"__proto__":{"isAdmin":true}');
    expect(Object.getOwnPropertyDescriptor(Object.fromEntries(Object.entries(reply.metadata)), 'constructor')?.value).toBe('too');
  });
});

describe('C3: nothing is revived', () => {
  it('a payload that looks like a promise, a function or a tagged class is plain data for the handler', async () => {
    const inputs: unknown[] = [];
    await using open = await openServer({}, (server) =>
      server.registerFunction('S', 'M', (input: unknown) => {
        inputs.push(input);
        return 'done';
      }),
    );
    const client = open.client();
    const tricks = [{ then: 'x', $$typeof: 'Symbol(react.element)' }, { '@class': 'java.lang.Runtime', 'py/object': 'os.system' }, { $function: 'process.exit()' }, { type: 'Buffer', data: [1, 2] }, '/Date(0)/'];
    for (const trick of tricks) expect(await client.call('S', 'M', trick)).toBe('done');
    expect(inputs).toEqual(tricks);
    expect(inputs[3]).not.toBeInstanceOf(Uint8Array);
  });
});
