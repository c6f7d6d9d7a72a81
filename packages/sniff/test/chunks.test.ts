import { seededRandom } from '@rpcxjs/testing';
import type { Acceptor, Connection, ConnectionSink } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { Heard, memoryLogger } from '@rpcxjs/transport-sides';
import { expect, it } from 'vitest';
import { isConnect, isGob, isHttp, isJson, isRpcx, isTls, sniff, sniffStats } from '../src/index.ts';

/** A connection that a test writes into, chunk by chunk, in one buffer that it uses again and again. */
class Fed implements Connection {
  readonly local = undefined;
  readonly remote = undefined;
  readonly bufferedBytes = 0;
  readonly #lent = new Uint8Array(64);
  #sink: ConnectionSink | undefined;
  #paused = false;
  readonly #chunks: Uint8Array[];
  aborted = false;

  constructor(chunks: Uint8Array[]) {
    this.#chunks = chunks;
  }
  start(sink: ConnectionSink): void {
    this.#sink = sink;
  }
  pause(): void {
    this.#paused = true;
  }
  resume(): void {
    this.#paused = false;
  }
  /** One chunk, if it may. False when there is none left. */
  step(): boolean {
    const chunk = this.#paused ? undefined : this.#chunks.shift();
    if (chunk !== undefined) {
      this.#lent.set(chunk);
      this.#sink?.data(this.#lent.subarray(0, chunk.length));
      this.#lent.fill(0xaa);
    }
    return this.#chunks.length > 0 && !this.aborted;
  }
  write(): boolean {
    return true;
  }
  async close(): Promise<void> {}
  abort(reason?: Error): void {
    this.aborted = true;
    this.#sink?.closed(reason);
  }
}

const beginnings: Readonly<Record<string, Buffer>> = {
  rpcx: Buffer.from('0800000000', 'hex'), connect: Buffer.from('CONNECT /'), http: Buffer.from('POST / '), tls: Buffer.from('160301002f01', 'hex'),
  json: Buffer.from('\r\n {'), gob: Buffer.from('2e7f030101075265717565737401', 'hex'), unknown: Buffer.from('EHLO '),
};

it('delivers each byte once and in order to the same acceptor, however they are cut and whenever it starts and pauses', async () => {
  const random = seededRandom(20_261);
  const lot = (below: number): number => Math.floor(random() * below);
  for (let round = 0; round < 400; round++) {
    let accept: (connection: Connection) => void = () => {};
    const below: Acceptor = {
      networks: ['tcp'],
      listen: async (address, options) => {
        ({ accept } = options);
        const close = async (): Promise<void> => {};
        return { address, close, [Symbol.asyncDispose]: close };
      },
    };
    const ports = sniff(below, { connect: isConnect, rpcx: isRpcx, http: isHttp, tls: isTls, json: isJson, gob: isGob });
    const got = new Map<string, Connection>();
    for (const [name, acceptor] of Object.entries(ports)) {
      await acceptor.listen({ network: 'tcp', host: 'x:1' }, { runtime: { clock: manualClock(), logger: memoryLogger([]) }, accept: (connection) => void got.set(name, connection) });
    }
    const names = Object.keys(beginnings);
    const name = names[lot(names.length)] ?? '';
    const whole = Buffer.concat([beginnings[name] ?? Buffer.alloc(0), Uint8Array.from({ length: lot(200) }, () => lot(256))]);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < whole.length;) {
      const size = 1 + lot(random() < 0.5 ? 2 : 64);
      chunks.push(whole.subarray(at, at + size));
      at += size;
    }
    const fed = new Fed(chunks);
    accept(fed);
    const heard = new Heard();
    let started = false;
    let paused = false;
    const startsAfter = lot(5);
    for (let step = 0; fed.step() || (step < 1000 && heard.bytes.length < whole.length && !fed.aborted); step++) {
      const connection = got.get(name);
      if (connection !== undefined && !started && step >= startsAfter) {
        started = true;
        connection.start({
          data(chunk) {
            expect(paused).toBe(false);
            heard.data(chunk);
            if (random() < 0.3) {
              paused = true;
              connection.pause();
            }
          },
          drain() {}, closed() {},
        });
      } else if (paused && random() < 0.5) {
        paused = false;
        connection?.resume();
      }
    }
    if (name === 'unknown') {
      expect([fed.aborted, got.size, sniffStats(ports).refused.unknown]).toEqual([true, 0, 1]);
      continue;
    }
    expect([...got.keys()]).toEqual([name]);
    const connection = got.get(name);
    for (let turn = 0; turn < 300; turn++) {
      paused = false;
      if (!started) {
        started = true;
        connection?.start(heard);
      } else connection?.resume();
      fed.step();
    }
    expect(heard.bytes.equals(whole)).toBe(true);
  }
});
