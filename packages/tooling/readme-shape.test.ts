import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packages } from './workspace.mjs';

/** The parts after the sentence, in their order, and what each is known by. */
const parts = {
  install: /^npm (i|install) /m,
  example: /^```ts test\b/m,
  'a table of options': /^\|[-|: ]+\|$/m,
  errors: /^## .*\berrors\b/im,
  'write your own': /^## write your own/im,
};

/** What is wrong with the form of one README. */
function faults(text: string, { name, description }: { name: string; description: string }): string[] {
  if (text === '') return ['it is missing'];
  const found: string[] = [];
  const lines = text.trimEnd().split('\n');
  const [title, sentence] = lines.filter((line) => line !== '');
  if (title !== `# ${name}`) found.push(`its first line is not "# ${name}"`);
  if (sentence !== description) found.push(`its sentence is not the description of package.json: "${description}"`);
  if (lines.length > 120) found.push(`it has ${lines.length} lines; 120 are the limit`);
  const positions = Object.entries(parts).map(([part, mark]) => ({ part, at: text.search(mark) }));
  for (const [index, { part, at }] of positions.entries()) {
    if (at === -1) found.push(`it lacks ${part}`);
    else if (at < (positions[index - 1]?.at ?? 0)) found.push(`${part} should come after ${positions[index - 1]?.part}`);
  }
  const example = /^```ts test\b[^\n]*\n([\s\S]*?)^```/m.exec(text)?.[1]?.trimEnd().split('\n');
  if (example === undefined) return [...found, 'it has no example that runs (a fence marked "ts test")'];
  if (example.length > 25) found.push(`its example has ${example.length} lines; 25 are the limit`);
  // Who does what the page says, in its order, has all that the example needs.
  const installed = /^npm (?:i|install) (.*)/m.exec(text)?.[1]?.split(' ') ?? [];
  for (const [, from] of example.join('\n').matchAll(/ from '((?:@[^/']+\/)?[^/']+)/g)) {
    if (from !== undefined && !from.startsWith('node:') && !installed.includes(from)) found.push(`its example imports ${from}, which what it says to install does not bring`);
  }
  return found;
}

it.each(packages())('the README of $folder has the six parts, in order and short', ({ path, manifest }) => {
  const file = join(path, 'README.md');
  expect(faults(existsSync(file) ? readFileSync(file, 'utf8') : '', manifest)).toEqual([]);
});
