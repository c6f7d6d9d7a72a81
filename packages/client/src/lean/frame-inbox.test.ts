import { createMetadata, readUtf8, RpcError } from '@rpcxjs/core';
import { createByteWriter, defaultFrameLimits, readMetadata, writeFrame, type FrameView } from '@rpcxjs/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameBuffer, type FrameText } from './frame-buffer.ts';
import { FrameInbox } from './frame-inbox.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const parts = fc.record({
  service: text, method: text, codecId: fc.nat(15), flags: fc.nat(255), sequence: fc.nat(2 ** 31),
  metadata: fc.dictionary(fc.string({ maxLength: 8 }), text, { maxKeys: 4, noNullPrototype: true }), payload: fc.oneof(text, fc.constant('é'.repeat(9000))),
});
type Parts = typeof parts extends fc.Arbitrary<infer T> ? T : never;

const written = ({ payload, ...rest }: Parts): FrameText => ({ ...rest, payload: (writer) => writer.appendUtf8(payload) });
function bytesOf(frames: readonly Parts[]): Uint8Array {
  const buffer = new FrameBuffer();
  for (const one of frames) buffer.frame(written(one));
  return buffer.take();
}
const read = ({ bytes, serviceStart, serviceEnd, methodStart, methodEnd, metadataStart, metadataEnd, payloadStart, end, codecId, flags, sequenceLow }: FrameView): Parts => ({
  service: readUtf8(bytes, serviceStart, serviceEnd), method: readUtf8(bytes, methodStart, methodEnd), codecId, flags, sequence: sequenceLow,
  metadata: { ...readMetadata(bytes, metadataStart, metadataEnd) }, payload: readUtf8(bytes, payloadStart, end),
});

describe('frames of the lean client', () => {
  it('are byte for byte those of the protocol', () => {
    fc.assert(fc.property(fc.array(parts, { maxLength: 5 }), (frames) => {
      const writer = createByteWriter();
      for (const { sequence, ...one } of frames) {
        const { payload, ...rest } = one;
        writeFrame(writer, { ...rest, metadata: createMetadata(rest.metadata), sequenceHigh: 0, sequenceLow: sequence, payload: (into) => into.appendUtf8(payload) });
      }
      expect(Buffer.from(bytesOf(frames)).equals(writer.finish())).toBe(true);
    }));
  });

  it('come out as they went in, in chunks of any size', () => {
    fc.assert(fc.property(fc.array(parts, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), (frames, sizes) => {
      const bytes = bytesOf(frames);
      const found: Parts[] = [];
      const inbox = new FrameInbox(defaultFrameLimits, (frame) => found.push(read(frame)));
      const scratch = new Uint8Array(bytes.length);
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length] as number;
        // The transport may read into the same memory again.
        scratch.fill(0xff);
        const chunk = scratch.subarray(0, Math.min(size, bytes.length - at));
        chunk.set(bytes.subarray(at, at + size));
        inbox.push(chunk);
        at += size;
      }
      expect(found).toEqual(frames);
    }));
  });

  it('are refused by an error of their own and nothing else, whatever comes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(40), (noise, at) => {
      const bytes = bytesOf([{ service: 'A', method: 'B', codecId: 1, flags: 0, sequence: 1, metadata: {}, payload: '12345678' }]);
      bytes.set(noise.subarray(0, bytes.length - Math.min(at, bytes.length)), Math.min(at, bytes.length));
      const inbox = new FrameInbox({ ...defaultFrameLimits, maxFrameBytes: 4096 }, () => {});
      try {
        inbox.push(bytes);
        inbox.push(noise);
      } catch (error) {
        expect(RpcError.is(error) && ['BAD_FRAME', 'FRAME_TOO_LARGE'].includes(String(error.reason))).toBe(true);
      }
    }), { numRuns: 2000 });
  });

  it('leave nothing of one that could not be written', () => {
    const buffer = new FrameBuffer();
    const good = { service: 'A', method: 'B', codecId: 1, flags: 0, sequence: 1, metadata: {}, payload: 'x' };
    expect(() => buffer.frame({ ...written(good), payload: () => { throw new Error('no'); } })).toThrow('no');
    expect(() => buffer.frame(written({ ...good, payload: 'x'.repeat(10_000) }), (bytes) => { throw new RangeError(String(bytes)); })).toThrow('10018');
    expect(buffer.isOpen).toBe(false);
    buffer.frame(written(good));
    expect(Buffer.from(buffer.take()).equals(Buffer.from(bytesOf([good])))).toBe(true);
  });
});
