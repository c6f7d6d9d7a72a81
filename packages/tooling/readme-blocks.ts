import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plugin, transformWithOxc } from 'vite';

const fence = /^```ts test\b ?(\w*)[^\n]*\n([\s\S]*?)^```/gm;
/** A fence marked `ts test etcd` is run with a real etcd, on another port than the one that its text names. */
const servers: Readonly<Record<string, { readonly label: string; readonly port: number }>> = {
  etcd: { label: 'Etcd', port: 2379 }, zookeeper: { label: 'ZooKeeper', port: 2181 }, consul: { label: 'Consul', port: 8500 }, redis: { label: 'Redis', port: 6379 },
};
/** A fence marked `ts test quic` reads the certificates of the tests in place of the files that its text names, and is skipped where the engine does not load. */
const certificates = fileURLToPath(new URL('../transport-tcp/test/fixtures/', import.meta.url));
const importStatement = /^import\s+(type\s+)?([\s\S]*?)\s+from\s+(['"][^'"]+['"]);?[ \t]*$/gm;
const assertion = /^([ \t]*)(.+?);?[ \t]*\/\/ => (.+)$/gm;

/** Turns `import { a, type B } from 'x'` into a dynamic import, so that each block has a scope of its own. */
function localImport(_: string, type: string | undefined, clause: string, from: string): string {
  if (type) return '';
  if (clause.startsWith('* as ')) return `const ${clause.slice(5)} = await import(${from});`;
  const names = clause.replace(/[{}\s]+/g, ' ').split(',').map((name) => name.trim());
  const values = names.filter((name) => name !== '' && !name.startsWith('type ')).map((name) => name.replace(' as ', ': '));
  return `const { ${clause.startsWith('{') ? values.join(', ') : `default: ${values.join(', ')}`} } = await import(${from});`;
}

/** Turns `expression // => value` into an assertion; a declaration before it is kept and its name compared. */
function compared(_: string, indent: string, code: string, value: string): string {
  const declared = /^(?:const|let)\s+(\w+)\b/.exec(code);
  const [before, actual] = declared ? [`${code}; `, declared[1]] : ['', code];
  return `${indent}${before}expect(${actual}, ${JSON.stringify(code)}).toEqual(${value});`;
}

function withServer(title: string, body: string, { label, port }: { readonly label: string; readonly port: number }): string {
  const here = body.replaceAll(`'127.0.0.1:${port}'`, 'registryServer.address');
  return `describeWith${label}('with its server', () => {
it('${title}', async () => {\nconst registryServer = await start${label}();\ntry {\n${body === here ? `throw new Error("it does not name '127.0.0.1:${port}', which stands for the server that is started");` : here}\n} finally { await registryServer.stop(); }\n}, 60_000);
});`;
}

function withCertificates(title: string, body: string): string {
  const here = body.replaceAll(/'((?:ca|server)\.(?:crt|key))'/g, (_, name: string) => JSON.stringify(certificates + name));
  return `it('${title}, with an engine for QUIC', async ({ skip }) => {
const engine = await import('@matrixai/quic/native/quiche.js').then(() => true, () => process.env['CI'] !== undefined);
skip(!engine, 'no engine for QUIC loads here');\n${here}\n});`;
}

/** The test module of one README: a test for each fence marked `ts test`. */
export function readmeTests(markdown: string, file: string): string {
  const fences = [...markdown.matchAll(fence)];
  const labels = new Set(fences.flatMap(([, mark = '']) => servers[mark]?.label ?? []));
  const imports = [...labels].map((label) => `import { start${label} } from '@rpcxjs/registry-servers';\nimport { describeWith${label} } from '@rpcxjs/registry-servers/vitest';\n`).join('');
  const tests = fences.map(([, mark = '', block = ''], index) => {
    const body = block.replace(assertion, compared).replace(importStatement, localImport);
    const title = `runs its block ${index + 1}`;
    const server = servers[mark];
    if (mark === 'quic') return withCertificates(title, body);
    return server === undefined ? `it('${title}', async () => {\n${body}\n});` : withServer(title, body, server);
  });
  if (tests.length === 0) tests.push(`it('has a block marked "ts test"', () => { throw new Error('${file} has no block marked "ts test"'); });`);
  return `import { describe, expect, it } from 'vitest';\n${imports}describe('${file}', () => {\n${tests.join('\n')}\n});\n`;
}

/** A vite plugin that makes each README.md, and each page of docs with a block, a test file. */
export function readmeBlocks(root: string): Plugin {
  return {
    name: 'readme-blocks',
    enforce: 'pre',
    resolveId(id, importer) {
      // A package does not depend on itself, and the root depends on no package.
      const [, name, entry = 'index'] = (importer?.endsWith('.md') ? /^@rpcxjs\/([^/]+)(?:\/([^/]+))?$/.exec(id) : null) ?? [];
      return name ? `${root}/packages/${name}/src/${entry}.ts`.replace('//packages', '/packages') : undefined;
    },
    async transform(code, id) {
      if (!id.endsWith('.md')) return undefined;
      return await transformWithOxc(readmeTests(code, relative(root, id)), `${id}.ts`, { lang: 'ts', target: 'node20' });
    },
  };
}
