export type MaybePromise<T> = T | Promise<T>;

/** The growing end of the outgoing buffer. Fast codecs `reserve` room and write at `offset`; simple ones `append`. */
export interface ByteWriter {
  bytes: Uint8Array;
  view: DataView;
  offset: number;
  /** Makes room for `count` more bytes; may replace `bytes` and `view`. */
  reserve(count: number): void;
  /** Copies, or from 32 KiB on keeps a reference: do not change `bytes` afterwards. */
  append(bytes: Uint8Array): void;
  appendUtf8(text: string): void;
}

export interface PayloadCodec {
  /** Throws `RpcError` with reason BAD_PAYLOAD and nothing else; what was written before is rolled back. */
  encode(value: unknown, writer: ByteWriter): void;
  /** Reads `source[start, end)` of a buffer that is reused afterwards: what is kept must be copied. */
  decode(source: Uint8Array, start: number, end: number): unknown;
  /** As `decode`, of a buffer that nobody writes to again and that holds little else: views of it may be kept. @default decode */
  decodeOwned?(source: Uint8Array, start: number, end: number): unknown;
}
/** Turns values into payloads. `id` is rpcx's serialize type (0–15). */
export interface Codec extends PayloadCodec {
  readonly id: number;
  readonly name: string;
  /** A pair for one method, made once, from the wire type that its contract carries for this codec's name. */
  compile?(wireType: unknown): PayloadCodec | undefined;
}

/** `id` is rpcx's compress type (0–7). `decompress` stops at `maxBytes`: a bomb is refused, not unpacked. */
export interface Compressor {
  readonly id: number;
  readonly name: string;
  compress(payload: Uint8Array): MaybePromise<Uint8Array>;
  decompress(payload: Uint8Array, maxBytes: number): MaybePromise<Uint8Array>;
}
