import { checkNames, refuse } from '@rpcxjs/core/options';

/** What one option of a client or a server takes; without `holds` it is looked at where it is used. */
export interface OptionKind {
  /** Whether a value is valid; with `list`, whether one item of the list is. */
  readonly holds?: (value: unknown) => boolean;
  readonly takes?: string;
  /** The option takes a list of such values. */
  readonly list?: true;
}

/** One that has these functions. */
export function objectKind(example: string, ...methods: readonly string[]): OptionKind {
  return {
    holds: (value) => methods.every((method) => typeof (value as Readonly<Record<string, unknown>> | null | undefined)?.[method] === 'function'),
    takes: `an object with the function${methods.length > 1 ? 's' : ''} ${methods.join(' and ')}, for example ${example}`,
  };
}
/** One of these types, as `typeof` names them. */
export function typeKind(takes: string, ...types: readonly string[]): OptionKind {
  return { holds: (value) => types.includes(typeof value), takes };
}

/** Throws TypeError for a name that is none of them, and for what is not the kind of value that an option takes: a function that was not called, a name, one instead of a list. */
export function checkKinds(who: string, options: object, kinds: Readonly<Record<string, OptionKind>>): void {
  checkNames(who, options, kinds);
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    const { holds, takes = '', list } = kinds[name] as OptionKind; // it is one of them
    if (value === undefined || holds === undefined) continue;
    if (list && !Array.isArray(value)) refuse(name, value, 'a list');
    for (const [index, one] of (list ? (value as unknown[]) : [value]).entries()) if (!holds(one)) refuse(list ? `${name}[${index}]` : name, one, takes);
  }
}
