import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packages, root, sources } from './workspace.mjs';

const declaration = /\binterface Reasons \{([^}]*)\}/g;

/** Every reason that a package declares, in core itself or by declaration merging. */
function declared(): Set<string> {
  const texts = packages().flatMap(({ path }) => sources(join(path, 'src'))).map((file) => readFileSync(file, 'utf8'));
  const bodies = texts.flatMap((text) => [...text.matchAll(declaration)].map((match) => match[1] ?? ''));
  return new Set(bodies.flatMap((body) => [...body.matchAll(/\b([A-Z][A-Z0-9_]+)\??: true/g)].map((match) => match[1] ?? '')));
}

/** Every reason that code raises: a string in `reason: '…'`. */
function raised(): string[] {
  const texts = packages().flatMap(({ path }) => sources(join(path, 'src'))).map((file) => readFileSync(file, 'utf8'));
  return texts.flatMap((text) => [...text.matchAll(/\breason: '([A-Z][A-Z0-9_]+)'/g)].map((match) => match[1] ?? ''));
}

describe('docs/errors.md', () => {
  it('has one heading for each reason that the code declares, and no other', () => {
    const page = join(root, 'docs', 'errors.md');
    expect(existsSync(page), 'docs/errors.md is there').toBe(true);
    const documented = [...readFileSync(page, 'utf8').matchAll(/^#{2,4} `?([A-Z][A-Z0-9_]+)`?\s*$/gm)].map((match) => match[1] ?? '');
    expect(documented.toSorted()).toEqual([...declared()].toSorted());
  });

  it('misses no reason that is raised under a name nobody declared', () => {
    const known = declared();
    expect(known.size).toBeGreaterThan(10);
    expect(raised().filter((reason) => !known.has(reason))).toEqual([]);
  });
});
