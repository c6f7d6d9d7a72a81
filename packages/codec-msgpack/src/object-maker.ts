import { canGenerate, generate } from './code-generation.ts';
import { type Fill, mostSlots, takeFill } from './object-slots.ts';
import { literalSource } from './read-source.ts';

/** Makes an object with fixed keys out of their values, in the same order. */
export type Maker = (values: readonly unknown[]) => Record<string, unknown>;

export function makerOf(names: readonly string[]): Maker {
  if (!canGenerate()) return templateMaker(names, undefined);
  return generate<Maker>({}, `return function make(v){return ${literalSource(names.map((name, index) => [name, `v[${index}]`]))};};`);
}

/** Without code generation: a faster maker for a shape that is hot, of which there are only a few in a process. */
export function hotMakerOf(names: readonly string[]): Maker | undefined {
  const fill = canGenerate() || names.length === 0 || names.length > mostSlots ? undefined : takeFill();
  return fill === undefined ? undefined : templateMaker(names, fill);
}

/** A copy of a template has the right layout at once, where adding key after key makes a dictionary of a large object. */
function templateMaker(names: readonly string[], fill: Fill | undefined): Maker {
  // `as`: the text is an object.
  const template = JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:null`).join(',')}}`) as Record<string, unknown>;
  // `as`: as many names as the length says.
  if (fill !== undefined) return (values) => fill(template, names as unknown as Parameters<Fill>[1], values);
  return (values) => {
    const object = { ...template };
    // `as`: one value for each name.
    for (let index = 0; index < names.length; index++) object[names[index] as string] = values[index];
    return object;
  };
}
