import { compressorCases } from '@rpcxjs/conformance';
import { describe, it } from 'vitest';
import { gzip } from '../src/gzip.ts';

describe.each([['as it is', gzip], ['never in the thread pool', gzip({ asyncAboveBytes: Number.POSITIVE_INFINITY })], ['always in the thread pool', gzip({ asyncAboveBytes: 0 })]])('%s', (_, compressor) => {
  for (const { name, run } of compressorCases({ compressor })) it(name, run);
});
