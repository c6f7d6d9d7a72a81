import { readFileSync } from 'node:fs';

/** One frame as a real Go rpcx wrote it, and what it means. */
export interface GoldenFrame {
  readonly name: string;
  readonly version: number;
  readonly response: boolean;
  readonly heartbeat: boolean;
  readonly oneway: boolean;
  readonly compress: number;
  readonly status: number;
  readonly serialize: number;
  readonly reserved: number;
  /** Decimal, because it has 64 bits. */
  readonly seq: string;
  readonly service: string;
  readonly method: string;
  readonly metadata: readonly (readonly [string, string])[];
  /** Hex, before compression. */
  readonly payload: string;
  /** Hex, as it stands in the frame, if that is something else. */
  readonly wirePayload?: string;
  /** Its names or metadata are no UTF-8; the texts here have U+FFFD in its place. */
  readonly invalidUtf8?: boolean;
  readonly hex: string;
}

const path = new URL('fixtures/golden-frames.json', import.meta.url);
export const goldenFrames: readonly GoldenFrame[] = (JSON.parse(readFileSync(path, 'utf8')) as { frames: GoldenFrame[] }).frames;

export function hexBytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}
