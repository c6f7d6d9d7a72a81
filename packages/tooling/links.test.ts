import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { root } from './workspace.mjs';

/** Every page of the repository that somebody wrote. */
function pagesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(\..*|node_modules|dist|etc)$/.test(entry.name) ? [] : pagesIn(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}
const pages = pagesIn('');

/** The text of a page without its blocks of code. */
function prose(page: string): string {
  return readFileSync(page, 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '');
}

/** What a heading is called in a link: as code hosts make it. */
function anchor(heading: string): string {
  return heading.trim().toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
}

function broken(page: string): string[] {
  const file = join(root, page);
  const links = [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link).filter((link) => !/^https?:/.test(link));
  return links.filter((link) => {
    const [path = '', name] = link.split('#');
    const target = path === '' ? file : join(dirname(file), path);
    if (relative(root, target).startsWith('..') || !existsSync(target)) return true;
    const headings = name === undefined ? [] : [...prose(target.endsWith('.md') ? target : join(target, 'README.md')).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchor(heading));
    return name !== undefined && !headings.includes(name);
  });
}

it('finds the pages', () => {
  expect(pages).toContain('README.md');
  expect(pages.length).toBeGreaterThan(40);
});

it('every link of every page leads to a file, and to a heading that is there', () => {
  expect(pages.flatMap((page) => broken(page).map((link) => `${page}: ${link}`))).toEqual([]);
});
