import { RpcError } from '@rpcxjs/core';
import type { Compressor, MaybePromise, Reason } from '@rpcxjs/core';
import { claim, conformanceCase } from './case.ts';
import type { ConformanceCase } from './case.ts';
import { same, show } from './compare.ts';
import { drawnBytes } from './drawn-bytes.ts';

export interface CompressorCasesOptions {
  /** What is tested. */
  readonly compressor: Compressor;
  /** The deadline of each case in milliseconds. @default 10000 */
  readonly deadlineMs?: number | undefined;
  /** What it can do; each is assumed. */
  readonly supports?: {
    /** Broken bytes are noticed (a checksum or a strict format). @default true */
    readonly detectsDamage?: boolean | undefined;
    /** 16 MiB of zeros become less than 1 MiB. @default true */
    readonly shrinksZeros?: boolean | undefined;
  } | undefined;
}

const late = 'the compressor did not settle';
const mebibyte = 1024 * 1024;

const payloads: readonly (readonly [string, () => Uint8Array])[] = [
  ['nothing', () => new Uint8Array(0)],
  ['one byte', () => Uint8Array.of(7)],
  ['1025 equal bytes', () => new Uint8Array(1025).fill(65)],
  ['100000 bytes that do not shrink', () => drawnBytes(100_000, 1)],
  ['4 MiB of text', () => new Uint8Array(4 * mebibyte).map((_, at) => 97 + ((at * at) % 23))],
];

/** The cases that every compressor must pass. Give them to any test runner: `for (const one of compressorCases({ … })) it(one.name, one.run)`. */
export function compressorCases(options: CompressorCasesOptions): ConformanceCase[] {
  const { compressor, deadlineMs = 10_000 } = options;
  const damage = options.supports?.detectsDamage === false ? 'it says that it does not notice damage' : undefined;
  const zeros = options.supports?.shrinksZeros === false ? 'it says that zeros do not shrink' : undefined;
  const test = (name: string, check: () => Promise<void> | void, skip?: string): ConformanceCase =>
    conformanceCase(`compressor ${compressor.name}: ${name}`, { late, skip, deadlineMs }, check);
  return [
    test('has an id from 1 to 7 and a name', () => {
      claim(Number.isInteger(compressor.id) && compressor.id >= 1 && compressor.id <= 7, `its id is ${compressor.id}; rpcx has three bits for it, and 0 is "not compressed"`);
      claim(typeof compressor.name === 'string' && compressor.name !== '', 'its name is empty');
    }),
    ...payloads.map(([name, make]) => test(`carries ${name}, leaving it as it was`, () => carries(compressor, name, make()))),
    test('keeps nothing of the memory that it read', () => ownMemory(compressor)),
    test('reads only the view that it was given', () => readsTheView(compressor)),
    test('works on many payloads at once', () => concurrent(compressor)),
    test('takes exactly maxBytes and not one more', () => exactLimit(compressor)),
    test('refuses a bomb of 16 MiB at a limit of 1 MiB with TOO_LARGE, quickly', () => bomb(compressor), zeros),
    test('refuses damaged and truncated bytes with BAD_PAYLOAD', () => damaged(compressor), damage),
    test('answers bytes that it never wrote with bytes, BAD_PAYLOAD or TOO_LARGE', () => garbage(compressor)),
  ];
}

async function carries(compressor: Compressor, name: string, payload: Uint8Array): Promise<void> {
  const before = new Uint8Array(payload);
  const packed = await compressor.compress(payload);
  claim(packed instanceof Uint8Array, `compress() gave ${show(packed)} for ${name}: it gives a Uint8Array`);
  claim(same(payload, before), `compress() changed its input, ${name}`);
  const packedBefore = new Uint8Array(packed);
  const back = await compressor.decompress(packed, 16 * mebibyte);
  claim(same(back, before), `${name} came back as ${show(back)}`);
  claim(same(packed, packedBefore), `decompress() changed its input, ${name}`);
}

async function ownMemory(compressor: Compressor): Promise<void> {
  const payload = drawnBytes(5000, 2);
  const input = new Uint8Array(payload);
  const packed = await compressor.compress(input);
  input.fill(0);
  const kept = new Uint8Array(packed);
  const back = await compressor.decompress(packed, mebibyte);
  packed.fill(0);
  claim(same(back, payload), 'what decompress() gave changed when its input was overwritten, or what compress() gave did');
  claim(same(await compressor.decompress(kept, mebibyte), payload), 'what compress() gave changed when its input was overwritten');
}

async function readsTheView(compressor: Compressor): Promise<void> {
  const around = drawnBytes(3000, 3);
  const payload = around.subarray(1000, 2000);
  const packed = await compressor.compress(payload);
  const room = new Uint8Array(packed.length + 200).fill(0xa5);
  room.set(packed, 100);
  const back = await compressor.decompress(room.subarray(100, 100 + packed.length), mebibyte);
  claim(same(back, payload), `a view of 1000 bytes came back as ${show(back)}: byteOffset and length count`);
}

async function concurrent(compressor: Compressor): Promise<void> {
  const all = Array.from({ length: 32 }, (_, index) => drawnBytes(index * 997, index));
  const backs = await Promise.all(all.map(async (payload) => compressor.decompress(await compressor.compress(payload), mebibyte)));
  for (const [index, back] of backs.entries()) claim(same(back, all[index]), `of 32 payloads at once number ${index + 1} came back as ${show(back)}`);
}

async function exactLimit(compressor: Compressor): Promise<void> {
  const payload = new Uint8Array(100_000).fill(66);
  const packed = await compressor.compress(payload);
  claim(same(await compressor.decompress(packed, payload.length), payload), '100000 bytes were not given back at a limit of 100000');
  const reason = await refusal(() => compressor.decompress(packed, payload.length - 1), 'inflating 100000 bytes at a limit of 99999');
  claim(reason === 'TOO_LARGE', `inflating 100000 bytes at a limit of 99999 gave ${reason ?? 'bytes'} instead of TOO_LARGE`);
}

async function bomb(compressor: Compressor): Promise<void> {
  const packed = await compressor.compress(new Uint8Array(16 * mebibyte));
  claim(packed.length < mebibyte, `16 MiB of zeros became ${packed.length} bytes; say supports.shrinksZeros: false if that is meant`);
  const reason = await refusal(() => compressor.decompress(packed, mebibyte), 'inflating a bomb');
  claim(reason === 'TOO_LARGE', `a bomb of 16 MiB at a limit of 1 MiB gave ${reason ?? 'bytes'} instead of TOO_LARGE`);
}

async function damaged(compressor: Compressor): Promise<void> {
  const packed = await compressor.compress(drawnBytes(2000, 4));
  const flipped = new Uint8Array(packed);
  const middle = packed.length >> 1;
  flipped[middle] = (flipped[middle] ?? 0) ^ 0x10;
  for (const [what, bytes] of [['one bit flipped', flipped], ['half of it', packed.slice(0, middle)], ['its last byte missing', packed.slice(0, -1)]] as const) {
    const reason = await refusal(() => compressor.decompress(bytes, mebibyte), `decompressing with ${what}`);
    claim(reason === 'BAD_PAYLOAD', `with ${what} it gave ${reason ?? 'bytes'} instead of BAD_PAYLOAD; say supports.detectsDamage: false if its format has no checksum`);
  }
}

async function garbage(compressor: Compressor): Promise<void> {
  for (let seed = 0; seed < 200; seed++) {
    const bytes = drawnBytes(seed, seed);
    const reason = await refusal(() => compressor.decompress(bytes, 1000), `decompressing ${show(bytes)}`);
    claim(reason === undefined || reason === 'BAD_PAYLOAD' || reason === 'TOO_LARGE', `decompressing ${show(bytes)} gave ${reason}`);
  }
}

/** The reason of the RpcError that came, undefined when none came. */
async function refusal(work: () => MaybePromise<Uint8Array>, what: string): Promise<Reason | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    claim(RpcError.is(error) && error.reason !== undefined, `${what} threw ${String(error)} instead of an RpcError with a reason`);
    claim(error.reason !== 'TOO_LARGE' || error.code === 'resource_exhausted', `${what} gave TOO_LARGE with code ${error.code}; it must be resource_exhausted`);
    return error.reason;
  }
}
