import { defaultFrameLimits } from '../src/index.ts';

export interface NaiveResult {
  /** Where each whole frame ends. */
  readonly ends: readonly number[];
  readonly verdict: 'bad' | 'too large' | 'incomplete' | 'complete';
}

function validMetadata(view: DataView, start: number, end: number, isResponse: boolean): boolean {
  let texts = 0;
  let at = start;
  for (; at + 4 <= end; texts++) at += 4 + view.getUint32(at);
  if (at !== end || texts % 2 !== 0) return false;
  return isResponse || (texts / 2 <= defaultFrameLimits.maxMetadataPairs && end - start <= defaultFrameLimits.maxMetadataBytes);
}

/** One whole body, read in the plainest way that spec.md allows. */
function validBody(view: DataView, start: number, end: number, isResponse: boolean): boolean {
  const parts: { readonly start: number; readonly end: number }[] = [];
  let at = start;
  for (let part = 0; part < 4; part++) {
    if (at + 4 > end) return false;
    const from = at + 4;
    at = from + view.getUint32(at);
    parts.push({ start: from, end: at });
  }
  if (at !== end) return false;
  const [service, method, metadata] = parts;
  const { maxNameBytes } = defaultFrameLimits;
  if (service!.end - service!.start > maxNameBytes || method!.end - method!.start > maxNameBytes) return false;
  return validMetadata(view, metadata!.start, metadata!.end, isResponse);
}

/** What any reader of a stream must find in it; slow, and written without a look at the parser. */
export function decodeNaively(bytes: Uint8Array): NaiveResult {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ends: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== 8) return { ends, verdict: 'bad' };
    if (bytes.length - at < 16) return { ends, verdict: 'incomplete' };
    const total = view.getUint32(at + 12);
    if (total > defaultFrameLimits.maxFrameBytes) return { ends, verdict: 'too large' };
    const end = at + 16 + total;
    if (end > bytes.length) return { ends, verdict: 'incomplete' };
    if (!validBody(view, at + 16, end, (bytes[at + 2]! & 0x80) !== 0)) return { ends, verdict: 'bad' };
    ends.push(end);
    at = end;
  }
  return { ends, verdict: 'complete' };
}
