import type { Codec } from './codec.ts';
import { copyBytes } from './copy-bytes.ts';
import { RpcError } from './errors.ts';

/** rpcx's SerializeNone (0): the payload is the value, a `Uint8Array`. What is decoded is a copy. */
export const bytesCodec: Codec = {
  id: 0,
  name: 'bytes',
  encode(value, writer) {
    if (value instanceof Uint8Array) writer.append(value);
    else if (value !== undefined) {
      throw new RpcError('invalid_argument', `the bytes codec takes a Uint8Array, not ${typeof value}; choose a codec for structured values`, {
        reason: 'BAD_PAYLOAD',
        sent: false,
      });
    }
  },
  decode: copyBytes,
  // Of a Buffer, which compressors return, `subarray` would be a Buffer too, whose `slice` does not copy.
  decodeOwned: (source, start, end) => new Uint8Array(source.buffer, source.byteOffset + start, end - start),
};
