import { describe, expect, it } from 'vitest';
import { optionInterfaces, promisedValue, withOptionTables } from './options.mjs';
import { packages } from './workspace.mjs';

interface OptionInterface {
  readonly name: string;
  readonly file: string;
  readonly members: readonly { readonly name: string; readonly defaultText?: string }[];
}

/** The constant that holds the defaults of an interface: `tcpDefaults` or `defaultTcpOptions` for TcpOptions. */
function defaultsOf(name: string, module: Record<string, unknown>): Record<string, unknown> | undefined {
  const stem = name.replace(/Options$/, '');
  const lower = stem.charAt(0).toLowerCase() + stem.slice(1);
  const candidates = [`${lower}Defaults`, `default${name}`, `default${stem}`, `${lower}OptionDefaults`, 'defaults'];
  const found = candidates.map((candidate) => module[candidate]).find((value) => typeof value === 'object' && value !== null);
  return found as Record<string, unknown> | undefined;
}

/** What a `@default` promises and the constant does not keep. */
function broken({ name, members }: OptionInterface, defaults: Record<string, unknown> | undefined): string[] {
  return members.flatMap((member) => {
    const actual = defaults?.[member.name];
    const promised: unknown = member.defaultText === undefined ? undefined : promisedValue(member.defaultText);
    if (promised === undefined && ['number', 'boolean'].includes(typeof actual)) return [`${name}.${member.name} is ${JSON.stringify(actual)} by default, and no @default says so`];
    if (promised === undefined || Object.is(promised, actual)) return [];
    return [`${name}.${member.name} promises ${JSON.stringify(promised)} and is ${defaults ? JSON.stringify(actual) : 'in no exported constant of its file'}`];
  });
}

describe.each(packages())('the options of $folder', (entry) => {
  it('are by default what their @default tags say', async () => {
    const problems: string[] = [];
    for (const declared of optionInterfaces(entry) as OptionInterface[]) {
      if (!declared.members.some((member) => member.defaultText !== undefined)) continue;
      const module = (await import(declared.file)) as Record<string, unknown>;
      problems.push(...broken(declared, defaultsOf(declared.name, module)));
    }
    expect(problems).toEqual([]);
  });

  it('are in the tables of its README as the sources say (npm run generate writes them)', () => {
    const { text, fresh, unknown } = withOptionTables(entry);
    expect(unknown).toEqual([]);
    expect(text).toBe(fresh);
  });
});

describe('promisedValue', () => {
  it.each([['16 MiB', 16 * 1024 * 1024], ['10 s', 10_000], ['`true`', true], ["'json'", 'json'], ['10_000', 10_000], ['whatever the system has', undefined]])('reads %s', (text, value) => {
    expect(promisedValue(text)).toBe(value);
  });
});
