import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const packages = fileURLToPath(new URL('../..', import.meta.url));
const literal = /(?:[=(,:[!&|?;{]|\breturn)\s*\/((?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([dgimsuvy]*)/g;

interface Found {
  readonly where: string;
  readonly source: string;
  readonly flags: string;
}

function withoutComments(code: string): string {
  return code.replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
}

function expressionsIn(file: string): Found[] {
  const code = withoutComments(readFileSync(`${packages}/${file}`, 'utf8'));
  const found = [...code.matchAll(literal)].map(([, source = '', flags = '']) => ({ where: file, source, flags }));
  const built = [...code.matchAll(/\bRegExp\(/g)].length;
  if (built > 0) throw new Error(`${file} builds a regular expression at run time: write it as a literal, so that it is tested here`);
  return found;
}

const sources = readdirSync(packages, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['tooling', 'interop'].includes(entry.name))
  .flatMap(({ name }) => {
    try {
      return readdirSync(`${packages}/${name}/src`, { recursive: true, encoding: 'utf8' }).map((file) => `${name}/src/${file}`);
    } catch {
      return [];
    }
  })
  .filter((file) => file.endsWith('.ts') && !/\.test(?:-d)?\.ts$/.test(file));
const all = sources.flatMap(expressionsIn);

const size = 64 * 1024;
/** Texts that make a careless expression try everything: long runs of what it looks for, and then something else. */
function* adversarial(source: string): Iterable<string> {
  const ownCharacters = new Set([...source, ...'aA0 \t\n"\'\\/@:.-_,;=&%+[](){}\u00e9\u2028']);
  for (const character of ownCharacters) {
    const run = character.repeat(size);
    yield run;
    yield `${run}\u0000`;
    yield `${run.slice(0, size / 2)}!${run.slice(0, size / 2)}`;
  }
  const pairs = [...source].slice(0, 24);
  for (let index = 0; index + 1 < pairs.length; index++) yield `${`${pairs[index]}${pairs[index + 1]}`.repeat(size / 2)}\u0000`;
  yield `${'a0'.repeat(size / 2)}!`;
  yield `${'a@'.repeat(size / 2)}\n`;
}

function slowest({ source, flags }: Found): { readonly ms: number; readonly text: string } {
  let worst = { ms: 0, text: '' };
  for (const text of adversarial(source)) {
    let ms = Infinity;
    // The machine may be busy with something else: only the quickest of several counts.
    for (let round = 0; round < 20 && ms >= 10; round++) {
      const expression = new RegExp(source, flags);
      const began = performance.now();
      if (expression.global) text.replace(expression, '');
      else expression.test(text);
      ms = Math.min(ms, performance.now() - began);
    }
    if (ms > worst.ms) worst = { ms, text: `${JSON.stringify(text.slice(0, 20))}…` };
  }
  return worst;
}

describe('B18: regular expressions', () => {
  it('are found in the sources', () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(all.length).toBeGreaterThan(0);
  });

  it('finds the one that is written wrongly', () => {
    expect([...'const a = /^(x+)+$/.test(text);'.matchAll(literal)].map(([, source]) => source)).toEqual(['^(x+)+$']);
    // A shorter run suffices to see that the time explodes.
    const began = performance.now();
    /^(?:x+)+$/.test(`${'x'.repeat(22)}!`);
    expect(performance.now() - began).toBeGreaterThan(10);
  });

  for (const found of all) {
    it(`/${found.source}/ of ${found.where} takes less than 10 ms for 64 KiB of anything`, () => {
      const { ms, text } = slowest(found);
      expect(ms, `for ${text}`).toBeLessThan(10);
    });
  }
});
