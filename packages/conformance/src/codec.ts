import { RpcError } from '@rpcxjs/core';
import type { Codec, PayloadCodec } from '@rpcxjs/core';
import { claim, conformanceCase } from './case.ts';
import type { ConformanceCase } from './case.ts';
import { same, show } from './compare.ts';
import { drawnBytes } from './drawn-bytes.ts';
import { MemoryWriter } from './memory-writer.ts';

/** A value that the codec carries. */
export interface CodecSample {
  readonly name: string;
  readonly value: unknown;
  /** What decoding gives, where that is not the same value, as with a wire type that fills in defaults. */
  readonly becomes?: unknown;
  /** Given to `compile`; without it the codec's own pair is used. */
  readonly wireType?: unknown;
}

export interface CodecCasesOptions {
  /** What is tested. */
  readonly codec: Codec;
  /** At least one; give every kind of value that the codec promises to carry. */
  readonly samples: readonly CodecSample[];
  /** Values that must be refused: a cycle, a number out of range, a wrong type. */
  readonly refused?: readonly CodecSample[] | undefined;
  /** Makes a payload of so many levels inside each other, for codecs that can nest; called with 200 000. */
  readonly nestedPayload?: ((depth: number) => Uint8Array) | undefined;
  /** The deadline of each case in milliseconds. @default 5000 */
  readonly deadlineMs?: number | undefined;
  /** What it can do beyond the contract. */
  readonly supports?: {
    /** Every payload of a sample that is cut short is refused. Self-delimiting formats can say so, protobuf cannot. @default false */
    readonly detectsTruncation?: boolean | undefined;
  } | undefined;
}

const late = 'the codec did not return';

/** The cases that every codec must pass. Give them to any test runner: `for (const one of codecCases({ … })) it(one.name, one.run)`. */
export function codecCases(options: CodecCasesOptions): ConformanceCase[] {
  const { codec, samples } = options;
  if (samples.length === 0) throw new TypeError('codecCases: give at least one sample');
  const test = (name: string, check: () => void, skip?: string): ConformanceCase => conformanceCase(`codec ${codec.name}: ${name}`, { late, skip, deadlineMs: options.deadlineMs }, check);
  const truncation = options.supports?.detectsTruncation === true;
  const { nestedPayload, refused = [] } = options;
  return [
    test('has an id from 0 to 15 and a name', () => {
      claim(Number.isInteger(codec.id) && codec.id >= 0 && codec.id <= 15, `its id is ${codec.id}; rpcx has four bits for it, 0 to 15`);
      claim(typeof codec.name === 'string' && codec.name !== '', 'its name is empty; contracts find their wire types by it');
    }),
    ...samples.map((sample) => test(`carries ${sample.name}`, () => carries(codec, sample))),
    ...samples.map((sample) => test(`writes ${sample.name} behind what is there, however the writer's memory moves`, () => writesInPlace(codec, sample))),
    ...samples.map((sample) => test(`reads ${sample.name} from the middle of a buffer that is reused afterwards`, () => readsInPlace(codec, sample))),
    ...samples.map((sample) => test(`answers ${sample.name} cut short ${truncation ? 'with BAD_PAYLOAD' : 'with a value or BAD_PAYLOAD'}`, () => truncated(codec, sample, truncation))),
    ...refused.map((sample) => test(`refuses ${sample.name} before anything is sent`, () => refuses(codec, sample))),
    test('answers bytes that are no payload with a value or BAD_PAYLOAD', () => garbage(codec, samples)),
    test('answers an object whose getter throws with BAD_PAYLOAD, or does not look', () => {
      const trap = Object.defineProperty({ name: 'trap' }, 'value', { enumerable: true, get: () => { throw new Error('planted by the conformance kit'); } });
      outcome(() => codec.encode(trap, new MemoryWriter()), 'encoding an object whose getter throws');
    }),
    test('writes one value while it writes another', () => nestedUse(codec, samples), samples.some(isPlain) ? undefined : 'no sample is a plain object without a wire type'),
    test('survives 200 000 levels inside each other', () => {
      if (nestedPayload === undefined) return;
      const bytes = nestedPayload(200_000);
      outcome(() => codec.decode(bytes, 0, bytes.length), 'decoding 200000 levels');
    }, nestedPayload === undefined ? 'no nestedPayload was given' : undefined),
  ];
}

function pairOf(codec: Codec, sample: CodecSample): PayloadCodec {
  if (sample.wireType === undefined) return codec;
  const pair = codec.compile?.(sample.wireType);
  claim(pair !== undefined, `compile() gave nothing for the wire type of ${sample.name}`);
  return pair;
}

function payloadOf(pair: PayloadCodec, sample: CodecSample): Uint8Array {
  const writer = new MemoryWriter();
  const given: unknown = pair.encode(sample.value, writer);
  claim(!isLate(given), 'encode() returned a promise: it has written everything when it returns, because the frame is closed then');
  return writer.written();
}

function valueOf(pair: PayloadCodec, source: Uint8Array, start = 0, end: number = source.length): unknown {
  const back = pair.decode(source, start, end);
  claim(!isLate(back), 'decode() returned a promise: it gives the value itself');
  return back;
}

function expected(sample: CodecSample): unknown {
  return 'becomes' in sample ? sample.becomes : sample.value;
}

function carries(codec: Codec, sample: CodecSample): void {
  const pair = pairOf(codec, sample);
  // Often enough for what a codec learns or compiles on the way to take over.
  const rounds = payloadOf(pair, sample).length > 4096 ? 20 : 1200;
  for (let round = 0; round < rounds; round++) {
    const bytes = payloadOf(pair, sample);
    const back = valueOf(pair, bytes);
    claim(same(back, expected(sample)), `${sample.name} came back as ${show(back)} instead of ${show(expected(sample))} (round ${round + 1})`);
  }
}

function writesInPlace(codec: Codec, sample: CodecSample): void {
  const pair = pairOf(codec, sample);
  const plain = payloadOf(pair, sample);
  const writer = new MemoryWriter(true);
  pair.encode(sample.value, writer);
  claim(writer.prefixIntact, 'it wrote in front of writer.offset, where the header stands');
  claim(same(writer.written(), plain), `with memory that moves at each reserve() it wrote ${show(writer.written())}, otherwise ${show(plain)}: writer.bytes and writer.view must be read again after reserve()`);
}

function readsInPlace(codec: Codec, sample: CodecSample): void {
  const pair = pairOf(codec, sample);
  const payload = payloadOf(pair, sample);
  for (const around of [0x00, 0x5b, 0xff]) {
    // A view that does not begin where its memory begins, as a slice of a socket's buffer is.
    const source = new Uint8Array(payload.length + 40).fill(around).subarray(3);
    source.set(payload, 13);
    const back = valueOf(pair, source, 13, 13 + payload.length);
    claim(same(back, expected(sample)), `between bytes ${around.toString(16)} ${sample.name} was read as ${show(back)}: only source[start, end) belongs to the payload`);
    source.fill(0xa5);
    claim(same(back, expected(sample)), `${sample.name} changed to ${show(back)} when the buffer was reused: what is kept must be copied`);
  }
}

function truncated(codec: Codec, sample: CodecSample, mustThrow: boolean): void {
  const pair = pairOf(codec, sample);
  const payload = payloadOf(pair, sample);
  const step = Math.max(1, Math.floor(payload.length / 500));
  for (let length = payload.length - 1; length > 0; length -= step) {
    const cut = payload.slice(0, length);
    const threw = outcome(() => pair.decode(cut, 0, length), `decoding the first ${length} of ${payload.length} bytes of ${sample.name}`);
    claim(threw || !mustThrow, `the first ${length} of ${payload.length} bytes of ${sample.name} were taken for a whole payload`);
  }
}

function refuses(codec: Codec, sample: CodecSample): void {
  const pair = pairOf(codec, sample);
  const threw = outcome(() => pair.encode(sample.value, new MemoryWriter()), `encoding ${sample.name}`);
  claim(threw, `${sample.name} was encoded; it must be refused`);
}

function garbage(codec: Codec, samples: readonly CodecSample[]): void {
  for (const sample of [undefined, ...samples.filter((one) => one.wireType !== undefined)]) {
    const pair = sample === undefined ? codec : pairOf(codec, sample);
    for (let seed = 0; seed < 2000; seed++) {
      const bytes = drawnBytes(seed % 67, seed);
      outcome(() => pair.decode(bytes, 0, bytes.length), `decoding ${show(bytes)}`);
    }
  }
}

function isPlain(sample: CodecSample): boolean {
  const { value } = sample;
  return sample.wireType === undefined && typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype && Object.keys(value).length > 0;
}

function nestedUse(codec: Codec, samples: readonly CodecSample[]): void {
  const sample = samples.find(isPlain);
  if (sample === undefined) return;
  const outer: Record<string, unknown> = { ...(sample.value as Record<string, unknown>) }; // isPlain says so
  const [key = ''] = Object.keys(outer);
  const first = outer[key];
  let inner = new Uint8Array(0);
  Object.defineProperty(outer, key, { enumerable: true, get: () => {
    inner = new Uint8Array(payloadOf(codec, sample));
    return first;
  } });
  const written = payloadOf(codec, { ...sample, value: outer });
  for (const bytes of [inner, written]) {
    let back: unknown;
    try {
      back = valueOf(codec, bytes);
    } catch (error) {
      back = error;
    }
    const advice = 'a getter or toJSON may make a call, so what is shared while a value is written, such as a buffer, is needed once for each level';
    claim(same(back, expected(sample)), `${sample.name}, written while a getter wrote it too, came back as ${show(back)}: ${advice}`);
  }
}

/** Whether it is a promise, whose rejection nobody else would hear. */
function isLate(given: unknown): boolean {
  if (!(given instanceof Promise)) return false;
  given.catch(() => {});
  return true;
}

/** True when the work threw BAD_PAYLOAD, false when it returned; anything else thrown breaks the contract. */
function outcome(work: () => unknown, what: string): boolean {
  try {
    isLate(work());
    return false;
  } catch (error) {
    claim(RpcError.is(error) && error.reason === 'BAD_PAYLOAD', `${what} threw ${show(error)} (${String(error)}) instead of an RpcError with reason BAD_PAYLOAD`);
    return true;
  }
}
