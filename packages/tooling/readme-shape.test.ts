import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packages } from './workspace.mjs';

const parts = ['install', 'example', 'options', 'errors', 'write your own'];

/** What is wrong with the form of one README. */
function faults(text: string, { name, description }: { name: string; description: string }): string[] {
  if (text === '') return ['it is missing'];
  const found: string[] = [];
  const lines = text.trimEnd().split('\n');
  const [title, sentence] = lines.filter((line) => line !== '');
  if (title !== `# ${name}`) found.push(`its first line is not "# ${name}"`);
  if (sentence !== description) found.push(`its sentence is not the description of package.json: "${description}"`);
  if (lines.length > 120) found.push(`it has ${lines.length} lines; 120 are the limit`);
  const headings = lines.filter((line) => line.startsWith('## ')).map((line) => line.slice(3).toLowerCase());
  const present = headings.flatMap((heading) => parts.find((part) => heading.startsWith(part)) ?? []);
  if (present.join() !== parts.join()) found.push(`its parts are "${headings.join(', ')}", not in this order: ${parts.join(', ')}`);
  const example = /^```ts test\b[^\n]*\n([\s\S]*?)^```/m.exec(text)?.[1]?.trimEnd().split('\n').length;
  if (example === undefined) found.push('it has no example that runs (a fence marked "ts test")');
  else if (example > 25) found.push(`its example has ${example} lines; 25 are the limit`);
  return found;
}

it.each(packages())('the README of $folder has the six parts, in order and short', ({ path, manifest }) => {
  const file = join(path, 'README.md');
  expect(faults(existsSync(file) ? readFileSync(file, 'utf8') : '', manifest)).toEqual([]);
});
