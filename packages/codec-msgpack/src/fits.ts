import { canGenerate, generate, mostFields } from './code-generation.ts';
import { check } from './check-value.ts';
import type { IntegerKind, Kind, StructKind } from './kind.ts';
import { isWellFormed } from './well-formed.ts';

/** Whether a value is of a kind. It may be wrong in saying no: then `check` decides. */
export type Fits = (value: unknown) => boolean;

/** A quick form of `check`, for values that are nearly always right. */
export function fitsOf(kind: Kind): Fits {
  if (kind.kind !== 'struct' || kind.fields.length > mostFields || !canGenerate()) return (value) => check(kind, value, '') === undefined;
  const bindings: Record<string, unknown> = { A: Array.isArray, W: isWellFormed };
  const tests = testsOf(kind, bindings);
  return generate<Fits>(bindings, `return function fits(o){let v;return typeof o==="object"&&o!==null&&!A(o)${tests};};`);
}

function testsOf(kind: StructKind, bindings: Record<string, unknown>): string {
  return kind.fields.map((field, index) => {
    const test = testOf(field.kind, index, bindings);
    return `&&(v=o[${JSON.stringify(field.name)}],${field.isOptional ? `v===undefined||(${test})` : test})`;
  }).join('');
}

function testOf(kind: Kind, index: number, bindings: Record<string, unknown>): string {
  switch (kind.kind) {
    case 'integer': return integerTest(kind);
    case 'float64': return 'typeof v==="number"';
    case 'bool': return 'typeof v==="boolean"';
    case 'string': return '(typeof v==="string"&&W(v))';
    case 'any': return 'true';
    case 'nullable': return `v===null||(${testOf(kind.inner, index, bindings)})`;
    default: {
      bindings[`F${index}`] = fitsOf(kind);
      return `F${index}(v)`;
    }
  }
}

function integerTest(kind: IntegerKind): string {
  const small = `typeof v==="number"&&v>=${kind.lowNumber}&&v<=${kind.highNumber}&&v%1===0`;
  return `(${small})||(typeof v==="bigint"&&v>=${kind.low}n&&v<=${kind.high}n)`;
}
