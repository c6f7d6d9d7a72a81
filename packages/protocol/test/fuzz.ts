import { RpcError } from '@rpcxjs/core';
import { defaultFrameLimits, FrameParser, readMetadata, type FrameView } from '../src/index.ts';
import type { NaiveResult } from './naive-decoder.ts';
import { Mutator } from './mutations.ts';

export interface FuzzResult {
  readonly streams: number;
  readonly frames: number;
  readonly refused: number;
  readonly slowestMs: number;
  readonly rssGrowth: number;
}

/** What a session does with a frame before it looks for a method. */
function touch(view: FrameView): number {
  const metadata = view.metadataEnd > view.metadataStart ? Object.keys(readMetadata(view.bytes, view.metadataStart, view.metadataEnd)).length : 0;
  return metadata + view.payloadStart + view.compressorId + view.codecId;
}

function feed(parser: FrameParser, bytes: Uint8Array, cuts: readonly number[]): 'taken' | 'refused' {
  try {
    let at = 0;
    for (const end of cuts) {
      parser.push(bytes.subarray(at, end));
      at = end;
    }
    return 'taken';
  } catch (error) {
    if (!RpcError.is(error) || (error.reason !== 'BAD_FRAME' && error.reason !== 'FRAME_TOO_LARGE')) throw error;
    return 'refused';
  }
}

/** The machine may be busy with something else: a stream that really takes long takes long every time. */
function timeAgain(bytes: Uint8Array, cuts: readonly number[], onFrame: (view: FrameView) => void): number {
  let least = Infinity;
  for (let round = 0; round < 20 && least > 10; round++) {
    const began = performance.now();
    feed(new FrameParser(defaultFrameLimits, onFrame), bytes, cuts);
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

/** Feeds `streams` mutated streams in random chunks, each to a parser of its own. Throws for anything but a typed error. */
export function fuzz(seed: number, streams: number): FuzzResult {
  const mutator = new Mutator(seed);
  let frames = 0;
  let refused = 0;
  let slowestMs = 0;
  let touched = 0;
  let rss = 0;
  const onFrame = (view: FrameView): void => {
    frames += 1;
    touched += touch(view);
  };
  const cuts: number[] = [];
  for (let stream = 0; stream < streams; stream++) {
    // Memory is flat from the point on where everything was compiled and every pool filled.
    if (stream === streams >>> 3) rss = process.memoryUsage().rss;
    const bytes = mutator.next();
    cuts.length = 0;
    for (let at = 0; at < bytes.length; cuts.push(at)) at = mutator.random(3) === 0 ? Math.min(bytes.length, at + 1 + mutator.random(64)) : bytes.length;
    const began = performance.now();
    if (feed(new FrameParser(defaultFrameLimits, onFrame), bytes, cuts) === 'refused') refused += 1;
    const tookMs = performance.now() - began;
    slowestMs = Math.max(slowestMs, tookMs > 10 ? timeAgain(bytes, cuts, () => {}) : tookMs);
  }
  if (touched < 0) throw new Error('unreachable');
  return { streams, frames, refused, slowestMs, rssGrowth: process.memoryUsage().rss - rss };
}

/** What the parser finds, in the words of the naive decoder. */
export function verdictOf(bytes: Uint8Array, chunk: number): NaiveResult {
  const ends: number[] = [];
  let at = 0;
  const parser = new FrameParser(defaultFrameLimits, (view) => {
    at += view.end - view.start;
    ends.push(at);
  });
  try {
    for (let from = 0; from < bytes.length; from += chunk) parser.push(bytes.subarray(from, from + chunk));
  } catch (error) {
    if (!RpcError.is(error)) throw error;
    return { ends, verdict: error.reason === 'FRAME_TOO_LARGE' ? 'too large' : 'bad' };
  }
  return { ends, verdict: parser.partialBytes > 0 ? 'incomplete' : 'complete' };
}
