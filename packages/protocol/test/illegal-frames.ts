/** A frame as its fields, so that one of them can lie. */
export interface FrameFields {
  readonly magic: number;
  readonly version: number;
  readonly flags: number;
  /** Codec in the high half, reserved bits in the low. */
  readonly codec: number;
  readonly service: string;
  readonly serviceLength: number;
  readonly method: string;
  readonly methodLength: number;
  readonly metadata: Uint8Array;
  readonly metadataLength: number;
  readonly payload: Uint8Array;
  readonly payloadLength: number;
  readonly total: number;
}

/** Pairs, each length changed by what stands behind it. */
export function metadataBlock(pairs: readonly (readonly [string, string])[], lie = 0): Uint8Array {
  const parts = pairs.flat().map((text, index) => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32BE((bytes.length + (index === 2 * pairs.length - 1 ? lie : 0)) >>> 0);
    return Buffer.concat([length, bytes]);
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** A frame in which everything is right but `change`. */
export function frameWith(change: Partial<FrameFields>): Uint8Array {
  const fields = { magic: 8, version: 0, flags: 0, codec: 0x30, service: 'Arith', method: 'Mul', metadata: metadataBlock([['key', 'value']]), payload: Uint8Array.of(1, 2, 3), ...change };
  const part = (bytes: Uint8Array, length: number): Buffer => {
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32BE(length >>> 0);
    return Buffer.concat([prefix, bytes]);
  };
  const service = Buffer.from(fields.service);
  const method = Buffer.from(fields.method);
  const body = Buffer.concat([
    part(service, change.serviceLength ?? service.length),
    part(method, change.methodLength ?? method.length),
    part(fields.metadata, change.metadataLength ?? fields.metadata.length),
    part(fields.payload, change.payloadLength ?? fields.payload.length),
  ]);
  const header = Buffer.from([fields.magic, fields.version, fields.flags, fields.codec, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0]);
  header.writeUInt32BE((change.total ?? body.length) >>> 0, 12);
  return new Uint8Array(Buffer.concat([header, body]));
}

export interface IllegalFrame {
  readonly rule: string;
  readonly bytes: Uint8Array;
  readonly reason: 'BAD_FRAME' | 'FRAME_TOO_LARGE';
  readonly says: string;
}

const body = frameWith({}).length - 16;
const pairs = (length: number) => Array.from({ length }, (_, index) => [`k${index}`, ''] as const);
const many = pairs(129);
function bad(rule: string, bytes: Uint8Array, says: string): IllegalFrame {
  return { rule, bytes, reason: 'BAD_FRAME', says };
}

/** One frame for each rule that ends the connection. */
export const illegalFrames: readonly IllegalFrame[] = [
  bad('the magic is 0x08', frameWith({ magic: 9 }), 'an rpcx frame begins with 8, not 9'),
  bad('the magic is not that of a TLS alert', frameWith({ magic: 0x15 }), 'this looks like the alert of a TLS server'),
  bad('the magic is not that of TLS', frameWith({ magic: 0x16 }), 'this looks like TLS'),
  bad('the magic is no letter', new Uint8Array(Buffer.from('GET / HTTP/1.1\r\n\r\n')), 'this looks like HTTP or text'),
  bad('the magic is no letter of another text protocol', new Uint8Array(Buffer.from('SSH-2.0-OpenSSH_9.9\r\n')), 'this looks like HTTP or text'),
  { rule: 'the total is within the limit', bytes: frameWith({ total: 0xffff_ffff }), reason: 'FRAME_TOO_LARGE', says: 'a frame claims 4294967295 bytes, and 16777216 are allowed' },
  bad('the total is one too small', frameWith({ total: body - 1 }), 'its payload claims 3 bytes of 2'),
  bad('the total is one too large', Buffer.concat([frameWith({ total: body + 1 }), Uint8Array.of(8)]), 'its payload claims 3 bytes of 4'),
  bad('the total leaves room for four lengths', frameWith({ total: 15 }), 'its body has 15 bytes, and four lengths take 16'),
  bad('the total is not 0', frameWith({ total: 0 }), 'its body has 0 bytes'),
  bad('the service path is not one shorter than it says', frameWith({ serviceLength: 6 }), 'claims'),
  bad('the service path is not one longer than it says', frameWith({ serviceLength: 4 }), 'claims'),
  bad('the service path lies within the frame', frameWith({ serviceLength: 0xffff_ffff }), `its service path claims 4294967295 bytes of ${body - 16}`),
  bad('the method is not one shorter than it says', frameWith({ methodLength: 4 }), 'claims'),
  bad('the method is not one longer than it says', frameWith({ methodLength: 2 }), 'claims'),
  bad('the method lies within the frame', frameWith({ methodLength: 0xffff_ffff }), 'its method claims 4294967295 bytes'),
  bad('the metadata is not one shorter than it says', frameWith({ metadataLength: 17 }), 'claims'),
  bad('the metadata is not one longer than it says', frameWith({ metadataLength: 15 }), 'claims'),
  bad('the metadata lies within the frame', frameWith({ metadataLength: 0xffff_ffff }), 'its metadata claims 4294967295 bytes'),
  bad('the payload is not one shorter than it says', frameWith({ payloadLength: 4 }), 'its payload claims 4 bytes of 3'),
  bad('the payload is not one longer than it says', frameWith({ payloadLength: 2 }), 'its payload claims 2 bytes of 3'),
  bad('the payload lies within the frame', frameWith({ payloadLength: 0xffff_ffff }), 'its payload claims 4294967295 bytes'),
  bad('a metadata length is not one too large', frameWith({ metadata: metadataBlock([['key', 'value']], 1) }), 'its metadata ends in the middle of a pair'),
  bad('a metadata length is not one too small', frameWith({ metadata: metadataBlock([['key', 'value']], -1) }), 'its metadata ends in the middle of a pair'),
  bad('a metadata length lies within the block', frameWith({ metadata: metadataBlock([['key', 'value']], -6) }), 'its metadata ends in the middle of a pair'),
  bad('a key has a value', frameWith({ metadata: metadataBlock([['key', 'value']]).subarray(0, 7) }), 'its metadata ends in the middle of a pair'),
  bad('metadata has no rest of a length', frameWith({ metadata: Uint8Array.of(0, 0, 0) }), 'its metadata ends in the middle of a pair'),
  bad('a service path has at most 255 bytes', frameWith({ service: 's'.repeat(256) }), 'its service path or method is longer than 255 bytes'),
  bad('a method has at most 255 bytes', frameWith({ method: 'm'.repeat(256) }), 'its service path or method is longer than 255 bytes'),
  bad('a request has at most 128 pairs of metadata', frameWith({ metadata: metadataBlock(many) }), 'its metadata has 129 pairs, and 128 are allowed'),
  bad('a reply has at most 16128 pairs of metadata', frameWith({ flags: 0x80, metadata: metadataBlock(pairs(16_129)) }), 'its metadata has 16129 pairs, and 16128 are allowed'),
  bad('a request has at most 16 KiB of metadata', frameWith({ metadata: metadataBlock([['k', 'v'.repeat(16_384 - 8)]]) }), 'its metadata has 16385 bytes, and 16384 are allowed'),
];

/** What looks odd and is taken: Go sends it, or a later rpcx may. */
export const oddFrames: readonly { readonly rule: string; readonly bytes: Uint8Array }[] = [
  { rule: 'any version', bytes: frameWith({ version: 0xff }) },
  { rule: 'any reserved bits', bytes: frameWith({ codec: 0x3f }) },
  { rule: 'any codec number', bytes: frameWith({ codec: 0xf0 }) },
  { rule: 'any compressor number', bytes: frameWith({ flags: 0x1c }) },
  { rule: 'any status', bytes: frameWith({ flags: 0x03 }) },
  { rule: 'every flag at once', bytes: frameWith({ flags: 0xff }) },
  { rule: 'no names', bytes: frameWith({ service: '', method: '' }) },
  { rule: 'names of 255 bytes', bytes: frameWith({ service: 's'.repeat(255), method: 'm'.repeat(255) }) },
  { rule: 'no metadata and no payload', bytes: frameWith({ metadata: new Uint8Array(0), payload: new Uint8Array(0) }) },
  { rule: '128 pairs of metadata', bytes: frameWith({ metadata: metadataBlock(many.slice(1)) }) },
  { rule: '16 KiB of metadata', bytes: frameWith({ metadata: metadataBlock([['k', 'v'.repeat(16_384 - 9)]]) }) },
  { rule: '16128 pairs of metadata in a response', bytes: frameWith({ flags: 0x80, metadata: metadataBlock(pairs(16_128)) }) },
  { rule: 'any amount of metadata in a response', bytes: frameWith({ flags: 0x80, metadata: metadataBlock([...many, ['__rpcx_error__', 'x'.repeat(100_000)]]) }) },
];
