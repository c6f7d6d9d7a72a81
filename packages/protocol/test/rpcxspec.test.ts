import { RpcError } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { defaultFrameLimits, FrameParser } from '../src/index.ts';
import { readFrames } from './frame-reader.ts';
import { frameWith, illegalFrames, oddFrames } from './illegal-frames.ts';

function failureOf(chunks: readonly Uint8Array[]): { readonly frames: number; readonly error: RpcError } {
  let frames = 0;
  const parser = new FrameParser(defaultFrameLimits, () => void (frames += 1));
  try {
    for (const chunk of chunks) parser.push(chunk);
  } catch (error) {
    if (!RpcError.is(error)) throw error;
    // Nothing can be trusted behind it.
    parser.push(frameWith({}));
    expect(parser.partialBytes).toBe(0);
    return { frames, error };
  }
  throw new Error('it was taken');
}

describe('A3: rpcxspec', () => {
  it('begins with a frame that is right', () => {
    expect(readFrames([frameWith({})]).length).toBe(1);
  });

  for (const { rule, bytes, reason, says } of illegalFrames) {
    it(`closes unless ${rule}`, () => {
      const good = frameWith({});
      const code = reason === 'BAD_FRAME' ? 'data_loss' : 'resource_exhausted';
      for (const chunks of [[Buffer.concat([good, bytes, good])], [good, ...Array.from(bytes, (byte) => Uint8Array.of(byte)), good]]) {
        const { frames, error } = failureOf(chunks);
        expect(error).toMatchObject({ name: 'RpcError', code, reason });
        expect(error.message).toContain(says);
        expect(frames).toBe(1);
      }
    });
  }

  for (const { rule, bytes } of oddFrames) {
    it(`takes ${rule}`, () => {
      expect(readFrames([bytes, bytes.subarray(0, 20), bytes.subarray(20)]).length).toBe(2);
    });
  }

  it('says which call it was when a frame is too large, so that the caller can be told', () => {
    const parser = new FrameParser(defaultFrameLimits, () => {});
    expect(() => parser.push(frameWith({ total: 0xffff_ffff }).subarray(0, 16))).toThrow();
    expect([parser.view.sequenceHigh, parser.view.sequenceLow, parser.view.isResponse, parser.view.isOneway]).toEqual([0, 5, false, false]);
  });
});

describe('B2: limit edges', () => {
  it.each([0, 1, 16, 500, 1 << 20])('takes a payload that fills a limit of %d bytes and refuses one more', (payload) => {
    const length = frameWith({ payload: new Uint8Array(payload) }).length - 16;
    const limits = { ...defaultFrameLimits, maxFrameBytes: length };
    expect(readFrames([frameWith({ payload: new Uint8Array(payload) })], limits).length).toBe(1);
    expect(() => readFrames([frameWith({ payload: new Uint8Array(payload + 1) })], limits)).toThrow(
      expect.objectContaining({ code: 'resource_exhausted', reason: 'FRAME_TOO_LARGE' }),
    );
    // At the sixteenth byte, not when the rest is there.
    expect(() => readFrames([frameWith({ payload: new Uint8Array(payload + 1) }).subarray(0, 16)], limits)).toThrow();
  });
});
