import { canGenerate, generate, mostFields } from './code-generation.ts';
import { keyBytes, KeyWords } from './key-bytes.ts';
import { fieldValue, type Kind, type StructField, type StructKind } from './kind.ts';
import { descend, type Output } from './output.ts';
import { putTimestamp } from './timestamp.ts';
import { misfit, putFloat32, putInteger, putWholeTextWithRoom, type Write } from './write-exact.ts';
import { mapForm, putInt32, writeCount } from './write-number.ts';
import { callSource, headerSource, textSource, writerSource } from './write-source.ts';

// Compiling pays after a few messages.
const programCalls = 8;

/** The writer of a struct: closures at first, a generated function once it is in use. */
export function structWriter(kind: StructKind, writerOf: (kind: Kind) => Write): Write {
  const writes = kind.fields.map((field) => writerOf(field.kind));
  let write = closureWriter(kind, writes);
  let calls = kind.fields.length > mostFields ? Infinity : 0;
  return (output, value) => {
    if (calls < programCalls && ++calls === programCalls && canGenerate()) write = generatedWriter(kind, writes);
    write(output, value);
  };
}

function closureWriter(kind: StructKind, writes: readonly Write[]): Write {
  const keys = kind.fields.map((field) => new KeyWords(field.wireName, keyBytes(field.wireName)));
  const { fields } = kind;
  const lists = { fields, keys, writes };
  const hasOptional = fields.some((field) => field.isOptional);
  return (output, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw misfit;
    // `as`: an object, asked for properties.
    const object = value as Readonly<Record<string, unknown>>;
    descend(output);
    const { writer } = output;
    const count = hasOptional ? fields.reduce((sum, field) => sum + (field.isOptional && fieldValue(object, field) === undefined ? 0 : 1), 0) : fields.length;
    writeCount(writer, mapForm, count);
    let at = 0;
    let written = 0;
    // Most objects have their properties in the struct's order, and the engine reads those of such a loop by their place and not by their name.
    for (const name in object) {
      if (at === fields.length || name !== fields[at]?.name) break;
      written += writeField(output, lists, at++, object[name]);
    }
    // `as`: fewer than there are fields.
    for (; at < fields.length; at++) written += writeField(output, lists, at, fieldValue(object, fields[at] as StructField));
    // A getter that changes its mind would leave a header that lies.
    if (written !== count) throw misfit;
    output.depth--;
  };
}

interface FieldLists {
  readonly fields: readonly StructField[];
  readonly keys: readonly KeyWords[];
  readonly writes: readonly Write[];
}

/** Writes one field, and how many that were. */
function writeField(output: Output, { fields, keys, writes }: FieldLists, at: number, value: unknown): number {
  // `as`: three lists of one length.
  if (value === undefined && (fields[at] as StructField).isOptional) return 0;
  (keys[at] as KeyWords).write(output.writer);
  (writes[at] as Write)(output, value);
  return 1;
}

function generatedWriter(kind: StructKind, writes: readonly Write[]): Write {
  const { fields } = kind;
  const bindings: Record<string, unknown> = {
    A: Array.isArray, H: Object.hasOwn, X: misfit, E: descend, I: putInteger, Q: putInt32, G: putFloat32, D: putTimestamp, S: putWholeTextWithRoom,
  };
  const optionals = fields.flatMap((field, index) => (field.isOptional ? [index] : []));
  const steps = fields.map((field, index) => {
    bindings[`F${index}`] = writes[index];
    bindings[`K${index}`] = field.kind.kind === 'nullable' ? field.kind.inner : field.kind;
    return {
      key: keyBytes(field.wireName),
      value: field.isOptional ? `x${index}` : valueSource(field),
      when: field.isOptional ? `x${index}!==undefined` : undefined,
      put: (rest: number) => putSource(field.kind, index, rest),
    };
  });
  // Read once: a getter may change its mind, and the count is written first.
  const reads = optionals.map((index) => `const x${index}=${valueSource(fields[index] as StructField)};if(x${index}!==undefined)n++;`); // `as`: it has one
  const header = optionals.length === 0 ? headerSource(fields.length) : 'if(n<16)b[p++]=128|n;else{b[p]=222;b[p+1]=0;b[p+2]=n;p+=3;}';
  return generate<Write>(bindings, `return function write(output,o){
if(typeof o!=="object"||o===null||A(o))throw X;
E(output);const w=output.writer;let n=${fields.length - optionals.length};${reads.join('')}
${writerSource(header, steps)}output.depth--;};`);
}

/** The expression for a field of the object `o`, as `fieldValue` reads it. */
function valueSource({ name, isInherited }: StructField): string {
  const key = JSON.stringify(name);
  return isInherited ? `(H(o,${key})?o[${key}]:undefined)` : `o[${key}]`;
}

function putSource(kind: Kind, index: number, rest: number): string {
  switch (kind.kind) {
    case 'integer': {
      const range = kind.lowNumber < -0x80000000 || kind.name === 'int32' ? '' : `&&v>=${kind.lowNumber}${kind.highNumber > 0x7fffffff ? '' : `&&v<=${kind.highNumber}`}`;
      return `if(typeof v==="number"&&(v|0)===v${range}){if(v>=0&&v<128)b[p++]=v;else p=Q(d,p,v);}else p=I(d,p,K${index},v);`;
    }
    case 'float32': case 'rounded32': return `p=G(d,p,v,${kind.kind === 'rounded32'});`;
    case 'float64': return 'if(typeof v!=="number")throw X;b[p]=203;d.setFloat64(p+1,v);p+=9;';
    case 'bool': return 'if(v===true)b[p++]=195;else if(v===false)b[p++]=194;else throw X;';
    case 'string': return `if(typeof v!=="string")throw X;${textSource(rest)}`;
    case 'time': return 'if(!(v instanceof Date))throw X;p=D(d,p,v);';
    case 'nullable': return `if(v===null)b[p++]=192;else{${putSource(kind.inner, index, rest)}}`;
    case 'bytes': case 'any': case 'array': case 'map': case 'struct': return callSource(`F${index}(output,v)`, rest);
  }
}
