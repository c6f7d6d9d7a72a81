// Reads option interfaces out of the sources: their members, what the doc comments say, and what `@default` promises.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript-6';
import { packages, sources } from './workspace.mjs';

const marker = /<!-- options: (\w+) -->\n[\s\S]*?<!-- \/options -->/g;

function textOf(comment) {
  const text = typeof comment === 'string' ? comment : (ts.getTextOfJSDocComment(comment) ?? '');
  return text.replace(/\s+/g, ' ').trim();
}

function membersOf(declaration, source) {
  return declaration.members.filter((member) => member.name && ts.getJSDocCommentsAndTags(member).length > 0).map((member) => {
    const documentation = ts.getJSDocCommentsAndTags(member).find((entry) => ts.isJSDoc(entry));
    const tag = ts.getJSDocTags(member).find((entry) => entry.tagName.text === 'default');
    return {
      name: member.name.getText(source),
      optional: member.questionToken !== undefined,
      type: member.type?.getText(source).replace(/\s+/g, ' ') ?? '',
      what: textOf(documentation?.comment),
      defaultText: tag && textOf(tag.comment),
    };
  });
}

/** The documented interfaces named …Options or …Limits that a user fills in, of one package, with the file that declares each. */
export function optionInterfaces({ path }) {
  return sources(join(path, 'src')).flatMap((file) => {
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
    return source.statements
      .filter((statement) => ts.isInterfaceDeclaration(statement) && /^(?!Resolved)\w+(Options|Limits)$/.test(statement.name.text))
      .map((statement) => ({ name: statement.name.text, file, members: membersOf(statement, source) }));
  });
}

const units = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/** The value that a `@default` promises; undefined when it says it in words. Milliseconds and bytes may have a unit. */
export function promisedValue(text) {
  const plain = text.replaceAll('`', '').trim();
  const number = /^(-?\d[\d_ ,]*(?:\.\d+)?)\s*([A-Za-z]+)?$/.exec(plain);
  if (number && (number[2] === undefined || number[2] in units)) return Number(number[1].replace(/[_ ,]/g, '')) * (units[number[2]] ?? 1);
  if (plain === 'Infinity') return Infinity;
  if (plain === 'true' || plain === 'false') return plain === 'true';
  return /^'([^']*)'$/.exec(plain)?.[1];
}

function table({ members }) {
  const cell = (text) => text.replaceAll('|', '\\|');
  const rows = members.map(({ name, what, defaultText, optional }) =>
    `| \`${name}\` | ${defaultText ? cell(defaultText) : optional ? '' : 'required'} | ${cell(what)} |`);
  return ['| option | default | what it does |', '|---|---|---|', ...rows].join('\n');
}

/** The README of a package with its option tables as the sources say, and the tables it asked for but that no source declares. */
export function withOptionTables(entry) {
  const file = join(entry.path, 'README.md');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const declared = text.includes('<!-- options: ') ? optionInterfaces(entry) : [];
  const unknown = [];
  const fresh = text.replace(marker, (old, name) => {
    const found = declared.find((candidate) => candidate.name === name);
    if (!found) unknown.push(name);
    return found ? `<!-- options: ${name} -->\n${table(found)}\n<!-- /options -->` : old;
  });
  return { file, text, fresh, unknown };
}

/** Writes every option table. */
export function writeOptionTables() {
  for (const entry of packages()) {
    const { file, text, fresh } = withOptionTables(entry);
    if (fresh !== text) writeFileSync(file, fresh);
  }
}

if (process.argv[1] === import.meta.filename) writeOptionTables();
