import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { optionInterfaces, promisedValue, withOptionTables } from './options.mjs';
import { packages, sources } from './workspace.mjs';

interface OptionInterface {
  readonly name: string;
  readonly file: string;
  readonly members: readonly { readonly name: string; readonly defaultText?: string }[];
}

/** The constant that holds the defaults of an interface: `tcpDefaults` or `defaultTcpOptions` for TcpOptions. */
function defaultsOf(name: string, module: Record<string, unknown>): Record<string, unknown> {
  const stem = name.replace(/Options$/, '');
  const lower = stem.charAt(0).toLowerCase() + stem.slice(1);
  const candidates = [`${lower}Defaults`, `default${name}`, `default${stem}`, 'defaults'];
  const found = candidates.map((candidate) => module[candidate]).find((value) => typeof value === 'object' && value !== null);
  return (found ?? {}) as Record<string, unknown>;
}

/** What the code falls back to, where no constant says it: `{ retries = 2 }` or `options.exposeMessages ?? true`. */
function fallbackOf(name: string, code: string): unknown {
  const found = new RegExp(`\\b${name}\\s*(?:=|\\?\\?)\\s*(true\\b|false\\b|Infinity\\b|'[^']*'|[\\d_]+(?:\\s*\\*\\s*[\\d_]+)*)`).exec(code)?.[1];
  if (found === undefined) return undefined;
  return found.includes('*') ? found.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1) : promisedValue(found);
}

/** What a `@default` promises and the code does not keep. */
function broken({ name, members }: OptionInterface, defaults: Record<string, unknown>, code: string): string[] {
  return members.flatMap((member) => {
    const promised: unknown = member.defaultText === undefined ? undefined : promisedValue(member.defaultText);
    // What nobody sets is undefined, which is as good as a promised false.
    const actual = defaults[member.name] ?? fallbackOf(member.name, code) ?? (promised === false ? false : undefined);
    if (promised === undefined && ['number', 'boolean'].includes(typeof defaults[member.name])) return [`${name}.${member.name} is ${JSON.stringify(actual)} by default, and no @default says so`];
    if (promised === undefined || Object.is(promised, actual)) return [];
    return [`${name}.${member.name} promises ${JSON.stringify(promised)} and is ${actual === undefined ? 'set nowhere' : JSON.stringify(actual)}`];
  });
}

describe.each(packages())('the options of $folder', (entry) => {
  it('are by default what their @default tags say', async () => {
    const problems: string[] = [];
    const code = sources(join(entry.path, 'src')).map((file) => readFileSync(file, 'utf8')).join('\n');
    for (const declared of optionInterfaces(entry) as OptionInterface[]) {
      if (!declared.members.some((member) => member.defaultText !== undefined)) continue;
      const module = (await import(declared.file)) as Record<string, unknown>;
      problems.push(...broken(declared, defaultsOf(declared.name, module), `${readFileSync(declared.file, 'utf8')}\n${code}`));
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
