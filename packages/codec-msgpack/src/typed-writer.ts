import { isRecord } from './check-value.ts';
import type { ArrayKind, Kind, MapKind } from './kind.ts';
import { descend } from './output.ts';
import { structWriter } from './struct-writer.ts';
import { putTimestamp } from './timestamp.ts';
import { misfit, putFloat32, type Write, writeInteger, writeWholeText } from './write-exact.ts';
import { arrayForm, mapForm, writeCount } from './write-number.ts';
import { writeByte, writeBytes, writeValue } from './write-value.ts';

/** The writer of a kind, in closures. */
export function writerOf(kind: Kind): Write {
  switch (kind.kind) {
    case 'integer': return (output, value) => { writeInteger(output.writer, kind, value); };
    case 'float32': case 'rounded32': case 'float64': return floatWriter(kind.kind);
    case 'bool': return (output, value) => {
      if (typeof value !== 'boolean') throw misfit;
      writeByte(output.writer, value ? 0xc3 : 0xc2);
    };
    case 'string': return (output, value) => {
      if (typeof value !== 'string') throw misfit;
      writeWholeText(output.writer, value);
    };
    case 'bytes': return (output, value) => {
      if (!(value instanceof Uint8Array)) throw misfit;
      writeBytes(output.writer, value);
    };
    case 'time': return (output, value) => {
      if (!(value instanceof Date)) throw misfit;
      const { writer } = output;
      writer.reserve(15);
      writer.offset = putTimestamp(writer.view, writer.offset, value);
    };
    case 'any': return (output, value) => { writeValue(output, value, undefined, 0); };
    case 'nullable': {
      const write = writerOf(kind.inner);
      return (output, value) => {
        if (value === null) writeByte(output.writer, 0xc0);
        else write(output, value);
      };
    }
    case 'array': return arrayWriter(kind);
    case 'map': return mapWriter(kind);
    case 'struct': return structWriter(kind, writerOf);
  }
}

function floatWriter(kind: 'float32' | 'rounded32' | 'float64'): Write {
  if (kind === 'float64') {
    return ({ writer }, value) => {
      if (typeof value !== 'number') throw misfit;
      writer.reserve(9);
      writer.view.setUint8(writer.offset, 0xcb);
      writer.view.setFloat64(writer.offset + 1, value);
      writer.offset += 9;
    };
  }
  return ({ writer }, value) => {
    writer.reserve(5);
    writer.offset = putFloat32(writer.view, writer.offset, value, kind === 'rounded32');
  };
}

function arrayWriter(kind: ArrayKind): Write {
  const write = writerOf(kind.element);
  return (output, value) => {
    if (!Array.isArray(value)) throw misfit;
    descend(output);
    const { length } = value;
    writeCount(output.writer, arrayForm, length);
    for (let index = 0; index < length; index++) write(output, value[index]);
    output.depth--;
  };
}

function mapWriter(kind: MapKind): Write {
  const write = writerOf(kind.value);
  const { key: keyKind } = kind;
  if (keyKind === undefined) {
    return (output, value) => {
      if (!isRecord(value)) throw misfit;
      descend(output);
      const keys = Object.keys(value);
      writeCount(output.writer, mapForm, keys.length);
      for (const key of keys) {
        writeWholeText(output.writer, key);
        write(output, value[key]);
      }
      output.depth--;
    };
  }
  return (output, value) => {
    if (!(value instanceof Map)) throw misfit;
    descend(output);
    const { size } = value;
    writeCount(output.writer, mapForm, size);
    let count = 0;
    for (const [key, entry] of value) {
      count++;
      writeInteger(output.writer, keyKind, key);
      write(output, entry);
    }
    // Somebody's getter changed it: the count that was written would lie.
    if (count !== size) throw misfit;
    output.depth--;
  };
}
