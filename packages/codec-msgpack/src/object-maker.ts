import { canGenerate, generate } from './code-generation.ts';
import { literalSource } from './read-source.ts';

/** Makes an object with fixed keys out of their values, in the same order. */
export type Maker = (values: readonly unknown[]) => Record<string, unknown>;

export function makerOf(names: readonly string[]): Maker {
  if (!canGenerate()) return templateMaker(names);
  return generate<Maker>({}, `return function make(v){return ${literalSource(names.map((name, index) => [name, `v[${index}]`]))};};`);
}

/** Without code generation: a copy of a template has the right layout at once, where adding key after key makes a dictionary of a large object. */
function templateMaker(names: readonly string[]): Maker {
  // `as`: the text is an object.
  const template = JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:null`).join(',')}}`) as Record<string, unknown>;
  return (values) => {
    const object = { ...template };
    // `as`: one value for each name.
    for (let index = 0; index < names.length; index++) object[names[index] as string] = values[index];
    return object;
  };
}
