import { canGenerate, generate } from './code-generation.ts';
import { type Fill, mostSlots, takeFill } from './object-slots.ts';
import { literalSource } from './read-source.ts';
import { setOwn } from './read-value.ts';

/** Makes an object with fixed keys out of their values, in the same order. */
export type Maker = (values: readonly unknown[]) => Record<string, unknown>;

export function makerOf(names: readonly string[]): Maker {
  if (!canGenerate()) return names.length > mostAdded && !names.some((name) => /^\d/.test(name)) ? copyMaker(names) : growingMaker(names);
  return generate<Maker>({}, `return function make(v){return ${literalSource(names.map((name, index) => [name, `v[${index}]`]))};};`);
}

/** Without code generation: a faster maker for a shape that is hot, of which there are only a few in a process. */
export function hotMakerOf(names: readonly string[]): Maker | undefined {
  const fill = canGenerate() || names.length === 0 || names.length > mostSlots ? undefined : takeFill();
  if (fill === undefined) return undefined;
  const template = templateOf(names);
  // `as`: as many names as the length says.
  return (values) => fill(template, names as unknown as Parameters<Fill>[1], values);
}

// Somewhat more keys, added one after the other, make the engine keep the object as a dictionary.
const mostAdded = 12;

function growingMaker(names: readonly string[]): Maker {
  return (values) => {
    const object: Record<string, unknown> = {};
    // `as`: one value for each name.
    for (let index = 0; index < names.length; index++) setOwn(object, names[index] as string, values[index]);
    return object;
  };
}

/** A copy of a template has the right layout at once; its keys come in the order of the names, since none is a number. */
function copyMaker(names: readonly string[]): Maker {
  const template = templateOf(names);
  return (values) => {
    const object = { ...template };
    let index = 0;
    for (const name in object) if (index < values.length) object[name] = values[index++];
    return object;
  };
}

function templateOf(names: readonly string[]): Record<string, unknown> {
  // `as`: the text is an object.
  return JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:null`).join(',')}}`) as Record<string, unknown>;
}
