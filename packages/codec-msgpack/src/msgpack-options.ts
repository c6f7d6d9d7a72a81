import { checkNames } from '@rpcxjs/core/options';

/** What is asked of an `ExtensionCodec` of `@msgpack/msgpack`; anything that has these two functions will do. */
export interface MsgpackExtensions {
  /** The extension that stands for a value, null if it has none. A function gets the place of the data in the message. */
  tryToEncode(value: unknown, context: undefined): { readonly type: number; readonly data: Uint8Array | ((at: number) => Uint8Array) } | null;
  /** What an extension stands for. `data` is a copy and may be kept. */
  decode(data: Uint8Array, type: number, context: undefined): unknown;
}

/** How `msgpackCodec` reads and writes; every member is optional. */
export interface MsgpackOptions {
  /**
   * How an integer that came in 64 bits is read: `auto` gives a number when it is safe and a bigint otherwise, `bigint` always a bigint,
   * `number` always a number (one beyond 2^53 is refused, never rounded).
   * @default 'auto'
   */
  readonly int64?: 'auto' | 'bigint' | 'number' | undefined;
  /**
   * Extension types of your own: an `ExtensionCodec` of `@msgpack/msgpack`. It is asked first for each object that is written and for each
   * extension that is read but timestamps. Without it an unknown extension is read as an `Extension`.
   * @default undefined
   */
  readonly extensionCodec?: MsgpackExtensions | undefined;
  /**
   * The deepest nesting of maps and arrays, both ways. A cycle is found by it.
   * @default 128
   */
  readonly maxDepth?: number | undefined;
  /**
   * Whether a method's pair learns the shapes of its messages and compiles a reader and a writer for them. Where code generation is not
   * allowed it learns without compiling.
   * @default true
   */
  readonly learn?: boolean | undefined;
}

export interface ResolvedMsgpackOptions {
  readonly int64: 'auto' | 'bigint' | 'number';
  readonly extensionCodec: MsgpackExtensions | undefined;
  readonly maxDepth: number;
  readonly learn: boolean;
}

export const msgpackDefaults: Omit<ResolvedMsgpackOptions, 'extensionCodec'> = { int64: 'auto', maxDepth: 128, learn: true };

export function resolveMsgpackOptions(options: MsgpackOptions): ResolvedMsgpackOptions {
  checkNames('msgpackCodec', options, [...Object.keys(msgpackDefaults), 'extensionCodec']);
  const { int64 = msgpackDefaults.int64, extensionCodec, maxDepth = msgpackDefaults.maxDepth, learn = msgpackDefaults.learn } = options;
  if (int64 !== 'auto' && int64 !== 'bigint' && int64 !== 'number') {
    throw new TypeError(`msgpackCodec: int64 is ${String(int64)}; use 'auto', 'bigint' or 'number'`);
  }
  // Each level costs a few hundred bytes of stack in the generic path.
  if (!Number.isInteger(maxDepth) || maxDepth < 1 || maxDepth > 1000) {
    throw new TypeError(`msgpackCodec: maxDepth is ${String(maxDepth)}; use a whole number from 1 to 1000`);
  }
  return Object.freeze({ int64, extensionCodec, maxDepth, learn });
}
