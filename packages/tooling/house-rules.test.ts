import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packages, root, sources } from './workspace.mjs';

interface Rule {
  readonly rule: string;
  readonly why: string;
  readonly pattern: RegExp;
  /** Files that may, each for a reason that the file itself gives. */
  readonly except?: RegExp;
}

const published = packages().map(({ folder, path }) => ({ folder, files: sources(join(path, 'src')), all: [...sources(join(path, 'src'), { testsToo: true }), ...sources(join(path, 'test'), { testsToo: true })] }));
const timing = /\/(testing|conformance)\/src\/|\/core\/src\/system-clock\.ts$/;

const rules: readonly Rule[] = [
  { rule: 'no bare timer', why: 'the clock of Runtime can be held by a test; the global one cannot', pattern: /(?<![.\w])(globalThis\.)?(setTimeout|setInterval|setImmediate)\(/, except: timing },
  { rule: 'no AbortSignal.any or AbortSignal.timeout', why: 'they leak and cost microseconds a call', pattern: /AbortSignal\.(any|timeout)\(/ },
  { rule: 'no console', why: 'the library logs through Runtime.logger only', pattern: /(?<![.\w'"`])console\./, except: /\/(core\/src\/console-logger|client\/src\/lean\/page-logger)\.ts$/ },
  { rule: 'no import of the own front door', why: 'that is how import cycles begin', pattern: /from '\.{1,2}\/(\.\.\/)*index\.ts'/, except: /\/src\/index\.ts$/ },
  { rule: 'no EventEmitter', why: 'hooks and async iterables say who listens, and cost less', pattern: /from 'node:events'/, except: /\/registry-consul\/src\/consul-client\.ts$/ },
  { rule: 'no Math.random for identifiers', why: 'a peer must not be able to guess them', pattern: /Math\.random\(\)\.toString/ },
];

/** The lines of a file that are code: comments may name what code may not use. */
function code(file: string): { line: number; text: string }[] {
  const lines = readFileSync(file, 'utf8').split('\n').map((text, index) => ({ line: index + 1, text }));
  return lines.filter(({ text }) => !/^\s*(\/\/|\/?\*)/.test(text)).map(({ line, text }) => ({ line, text: text.replace(/\s\/\/ .*$/, '') }));
}

function matches(files: readonly string[], { pattern, except }: Pick<Rule, 'pattern' | 'except'>): string[] {
  return files
    .filter((file) => !except?.test(file))
    .flatMap((file) => code(file).filter(({ text }) => pattern.test(text)).map(({ line, text }) => `${relative(root, file)}:${line}: ${text.trim()}`));
}

describe('house rules', () => {
  it('leaves out the versions of Node between 20.19 and 22.12: they have no getBuiltinModule, so that deadlines would not be inherited, or cannot require a module', () => {
    for (const { manifest } of packages({ privateToo: true })) expect([manifest.name, manifest.engines?.node]).toEqual([manifest.name, '^20.19.0 || >=22.12.0']);
  });

  it('reads the sources of every published package', () => {
    expect(published.length).toBeGreaterThan(10);
    for (const { folder, files } of published) expect(files, folder).not.toEqual([]);
  });

  for (const rule of rules) {
    it(`${rule.rule}: ${rule.why}`, () => {
      expect(published.flatMap(({ files }) => matches(files, rule))).toEqual([]);
    });
  }

  it('no .only: a forgotten one hides every other test', () => {
    const folders = packages({ privateToo: true }).flatMap(({ path }) => [path, join(path, 'src'), join(path, 'test')]);
    const tests = folders.flatMap((folder) => (existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.test.ts')).map((file) => join(folder, file)) : []));
    expect(matches(tests, { pattern: /\b(it|test|describe)\.only\b(?!\\)/ })).toEqual([]);
  });

  it('no Node module in what a browser loads', () => {
    const browserSafe = published.filter(({ folder }) => /^(core|protocol|session|client|selectors|registry-inprocess|codec-.*)$/.test(folder));
    // An entry of its own, for Node.
    const files = browserSafe.flatMap((one) => one.files).filter((file) => basename(file) !== 'tcp-probe.ts');
    expect(matches(files, { pattern: /from 'node:/ })).toEqual([]);
  });

  it('file names are kebab-case nouns, and none is a drawer for everything', () => {
    const names = published.flatMap(({ all }) => all).map((file) => basename(file).replace(/(\.long)?(\.test|\.test-d)?\.ts$/, ''));
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || /^(utils?|helpers?|common|types|misc)$/.test(name))).toEqual([]);
  });

  it('the top level holds nothing but what the README names', () => {
    const visible = readdirSync(root).filter((name) => !name.startsWith('.') && name !== 'node_modules');
    const known = ['CONTRIBUTING.md', 'LICENSE', 'README.md', 'benchmarks', 'docs', 'examples', 'package.json', 'packages', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'tsconfig.base.json', 'turbo.json'];
    expect(visible.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('all published packages have one version', () => {
    const versions = new Set(packages().map(({ manifest }) => manifest.version as string));
    expect([...versions]).toHaveLength(1);
  });

  it('the lockfile names no host', () => {
    expect(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')).not.toMatch(/https?:\/\//);
  });
});
