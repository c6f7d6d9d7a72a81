import { fieldValue, type IntegerKind, type Kind, type MapKind, type StructKind } from './kind.ts';
import { isWellFormed } from './well-formed.ts';

/** The first thing that is wrong with `value`, with the path to it, or undefined. Exact or refused: nothing that fits only after rounding passes. */
export function check(kind: Kind, value: unknown, path: string): string | undefined {
  switch (kind.kind) {
    case 'integer': return checkInteger(kind, value, path);
    case 'float32':
      if (typeof value !== 'number') return wrong(path, 'a number', value);
      return Object.is(Math.fround(value), value) ? undefined : `${at(path)}${value} is no float32; pass Math.fround(value), or use float32.rounded or float64`;
    case 'rounded32':
      if (typeof value !== 'number') return wrong(path, 'a number', value);
      return Number.isFinite(value) && !Number.isFinite(Math.fround(value)) ? `${at(path)}${value} is beyond what a float32 can hold; use float64` : undefined;
    case 'float64': return typeof value === 'number' ? undefined : wrong(path, 'a number', value);
    case 'bool': return typeof value === 'boolean' ? undefined : wrong(path, 'a boolean', value);
    case 'string': return typeof value === 'string' ? checkText(value, path) : wrong(path, 'a string', value);
    case 'bytes': return value instanceof Uint8Array ? undefined : wrong(path, 'a Uint8Array', value);
    case 'time': return value instanceof Date && !Number.isNaN(value.getTime()) ? undefined : wrong(path, 'a valid Date', value);
    case 'any': return undefined;
    case 'nullable': return value === null ? undefined : check(kind.inner, value, path);
    case 'array':
      if (!Array.isArray(value)) return wrong(path, 'an array', value);
      for (let index = 0; index < value.length; index++) {
        const issue = check(kind.element, value[index], `${path}[${index}]`);
        if (issue !== undefined) return issue;
      }
      return undefined;
    case 'map': return checkMap(kind, value, path);
    case 'struct': return checkStruct(kind, value, path);
  }
}

function at(path: string): string {
  return path === '' ? '' : `${path}: `;
}

function wrong(path: string, wanted: string, value: unknown): string {
  return `${at(path)}${wanted} is expected, not ${describe(value)}`;
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  if (typeof value === 'bigint') return `the bigint ${value}`;
  if (value instanceof Date && Number.isNaN(value.getTime())) return 'one without a time';
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined) return String(value);
  return typeof value === 'object' ? Object.prototype.toString.call(value).slice(8, -1) : `a ${typeof value}`;
}

function checkInteger(kind: IntegerKind, value: unknown, path: string): string | undefined {
  if (typeof value === 'bigint') {
    return value >= kind.low && value <= kind.high ? undefined : `${at(path)}${value} does not fit ${kind.name} (${kind.low} to ${kind.high})`;
  }
  if (typeof value !== 'number') return wrong(path, 'a whole number', value);
  if (!Number.isInteger(value)) return wrong(path, `a whole number for ${kind.name}`, value);
  if (value >= kind.lowNumber && value <= kind.highNumber) return undefined;
  if (kind.wide && (kind.low < 0n || value > 0)) return `${at(path)}${value} is beyond 2^53, where numbers are no longer exact; use a bigint`;
  return `${at(path)}${value} does not fit ${kind.name} (${kind.low} to ${kind.high})`;
}

function checkText(text: string, path: string): string | undefined {
  return isWellFormed(text) ? undefined : `${at(path)}well-formed text is expected, not a string with half of a surrogate pair; cut text between characters`;
}

const toString = Object.prototype.toString;
/** Whether its own properties are all there is to it: a date, a set or a promise would arrive as an empty map. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && (value.constructor === Object || toString.call(value) === '[object Object]');
}

function checkMap(kind: MapKind, value: unknown, path: string): string | undefined {
  if (kind.key !== undefined) {
    if (!(value instanceof Map)) return wrong(path, 'a Map', value);
    for (const [key, entry] of value) {
      const issue = checkInteger(kind.key, key, `${path}(key)`) ?? check(kind.value, entry, `${path}[${String(key)}]`);
      if (issue !== undefined) return issue;
    }
    return undefined;
  }
  if (!isRecord(value)) return wrong(path, 'an object', value);
  for (const key of Object.keys(value)) {
    const issue = checkText(key, `${path}(key)`) ?? check(kind.value, value[key], `${path}[${JSON.stringify(key)}]`);
    if (issue !== undefined) return issue;
  }
  return undefined;
}

function checkStruct(kind: StructKind, value: unknown, path: string): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong(path, 'an object', value);
  for (const field of kind.fields) {
    // `as`: an object, asked for a property.
    const entry = fieldValue(value as Readonly<Record<string, unknown>>, field);
    if (field.isOptional && entry === undefined) continue;
    const issue = check(field.kind, entry, path === '' ? field.name : `${path}.${field.name}`);
    if (issue !== undefined) return issue;
  }
  return undefined;
}
