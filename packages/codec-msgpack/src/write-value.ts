import { type ByteWriter, RpcError } from '@rpcxjs/core';
import { textOf, unwritable } from './bad-payload.ts';
import { Extension } from './extension.ts';
import { Float32, Float64 } from './float-marker.ts';
import { descend, type MapWriter, type Output } from './output.ts';
import { putTimestamp } from './timestamp.ts';
import { arrayForm, binTag, extTag, mapForm, putBigint, putNumber, writeCount, writeSize } from './write-number.ts';
import { writeText } from './write-text.ts';

const toString = Object.prototype.toString;

/** Writes one value of any type. `maps` and `key` name the place that it has among the objects above it, where they learn. */
export function writeValue(output: Output, value: unknown, maps: MapWriter | undefined, key: number): void {
  const { writer } = output;
  switch (typeof value) {
    case 'string': return writeText(writer, value);
    case 'number':
      writer.reserve(9);
      writer.offset = putNumber(writer.view, writer.offset, value);
      return;
    case 'boolean': return writeByte(writer, value ? 0xc3 : 0xc2);
    case 'undefined': return writeByte(writer, 0xc0);
    case 'bigint':
      writer.reserve(9);
      writer.offset = putBigint(writer.view, writer.offset, value);
      return;
    case 'object':
      if (value === null) writeByte(writer, 0xc0);
      else writeObject(output, value, maps?.child(key));
      return;
    default: throw unwritable(`it contains a ${typeof value}; send data only`);
  }
}

export function writeByte(writer: ByteWriter, byte: number): void {
  writer.reserve(1);
  writer.bytes[writer.offset++] = byte;
}

/** Writes any object, arrays included; `objects` learns plain ones. */
export function writeObject(output: Output, value: object, objects: MapWriter | undefined): void {
  if (output.options.extensionCodec !== undefined && writeByExtension(output, value)) return;
  if (Array.isArray(value)) return writeArray(output, value, objects);
  // Nearly every object is one made by a literal; `isPlain` settles the rest.
  if (value.constructor !== Object && !isPlain(value)) return writeSpecial(output, value);
  descend(output);
  // `as`: what is left has string keys and values of any kind.
  const object = value as Readonly<Record<string, unknown>>;
  if (objects === undefined) writePlainMap(output, object);
  else objects.writeMap(output, object);
  output.depth--;
}

/** Nothing learned: own enumerable properties in their order. */
export function writePlainMap(output: Output, object: Readonly<Record<string, unknown>>): void {
  const { writer } = output;
  const keys = Object.keys(object);
  writeCount(writer, mapForm, keys.length);
  for (const key of keys) {
    writeText(writer, key);
    writeValue(output, object[key], undefined, 0);
  }
}

function writeArray(output: Output, array: readonly unknown[], elements: MapWriter | undefined): void {
  descend(output);
  const { length } = array;
  writeCount(output.writer, arrayForm, length);
  for (let index = 0; index < length; index++) writeValue(output, array[index], elements, 0);
  output.depth--;
}

let lastPlain: object | null = null;

/** Whether an object's own properties are all there is to it: a literal, one without a prototype, or an instance of a class of data. */
function isPlain(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  if (prototype === lastPlain) return true;
  if (toString.call(value) !== '[object Object]' || value instanceof Float32 || value instanceof Float64 || value instanceof Extension) return false;
  // A promise of another make: somebody forgot `await`.
  if (typeof (value as { readonly then?: unknown }).then === 'function') return false;
  lastPlain = prototype;
  return true;
}

function writeSpecial(output: Output, value: object): void {
  const { writer } = output;
  if (ArrayBuffer.isView(value)) return writeView(output, value);
  switch (toString.call(value)) {
    case '[object Date]':
      writer.reserve(15);
      // `as`: the tag says so, for dates of other realms too.
      writer.offset = putTimestamp(writer.view, writer.offset, value as Date);
      return;
    case '[object Map]': return writeMapObject(output, value as ReadonlyMap<unknown, unknown>);
    case '[object ArrayBuffer]': return writeBytes(writer, new Uint8Array(value as ArrayBuffer));
    default:
  }
  if (value instanceof Float32 || value instanceof Float64) {
    const narrow = value instanceof Float32;
    writer.reserve(9);
    writer.view.setUint8(writer.offset, narrow ? 0xca : 0xcb);
    if (narrow) writer.view.setFloat32(writer.offset + 1, value.value);
    else writer.view.setFloat64(writer.offset + 1, value.value);
    writer.offset += narrow ? 5 : 9;
  } else if (value instanceof Extension) writeExtension(writer, value.type, value.data);
  else throw unwritable(`it contains ${describe(value)}; send plain objects, arrays, maps, dates and bytes, or give an extensionCodec`);
}

function describe(value: object): string {
  if (typeof (value as { readonly then?: unknown }).then === 'function') return 'a promise (is an await missing?)';
  return `an object of the kind ${toString.call(value).slice(8, -1)}`;
}

/** Bytes as `bin`; arrays of numbers as arrays, those of float32 in that width. */
function writeView(output: Output, value: ArrayBufferView): void {
  const { writer } = output;
  if (value instanceof Uint8Array) return writeBytes(writer, value);
  // The name tells what it is, of other realms too.
  const kind = toString.call(value).slice(8, -1);
  if (/^(Uint8(Clamped)?Array|DataView)$/.test(kind)) return writeBytes(writer, new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  // `as`: every other view is a typed array.
  const numbers = value as unknown as ArrayLike<number | bigint>;
  const tag = kind === 'Float32Array' ? 0xca : kind === 'Float64Array' ? 0xcb : 0;
  writeCount(writer, arrayForm, numbers.length);
  for (let index = 0; index < numbers.length; index++) {
    const number = numbers[index];
    if (tag === 0xca) writeObject(output, new Float32(number as number), undefined);
    else if (tag === 0xcb) writeObject(output, new Float64(number as number), undefined);
    else writeValue(output, number, undefined, 0);
  }
}

export function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  writeSize(writer, binTag, bytes.length);
  writer.append(bytes);
}

function writeMapObject(output: Output, map: ReadonlyMap<unknown, unknown>): void {
  descend(output);
  const { size } = map;
  writeCount(output.writer, mapForm, size);
  let count = 0;
  for (const [key, value] of map) {
    count++;
    writeValue(output, key, undefined, 0);
    writeValue(output, value, undefined, 0);
  }
  if (count !== size) throw unwritable('a Map changed while it was being written; do not change it in a getter');
  output.depth--;
}

function writeExtension(writer: ByteWriter, type: number, data: Uint8Array): void {
  if (!Number.isInteger(type) || type < -128 || type > 127) throw unwritable(`the extension type ${type} is not one of -128 to 127`);
  if (!(data instanceof Uint8Array)) throw unwritable(`the data of extension type ${type} is no Uint8Array`);
  const { length } = data;
  const form = [1, 2, 4, 8, 16].indexOf(length);
  if (form < 0) writeSize(writer, extTag, length);
  else writeByte(writer, 0xd4 + form);
  writeByte(writer, type);
  writer.append(data);
}

function writeByExtension(output: Output, value: object): boolean {
  const { writer, options } = output;
  try {
    const extension = options.extensionCodec?.tryToEncode(value, undefined);
    if (extension === undefined || extension === null) return false;
    const { type, data } = extension;
    // A function asks for the place of the data, to align it.
    writeExtension(writer, type, typeof data === 'function' ? data(writer.offset + 6) : data);
    return true;
  } catch (cause) {
    if (RpcError.is(cause) && cause.reason === 'BAD_PAYLOAD') throw cause;
    throw unwritable(`the extension codec failed: ${textOf(cause)}`, cause);
  }
}

