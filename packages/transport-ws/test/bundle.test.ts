import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it.each(['@rpcxjs/transport-ws', '@rpcxjs/transport-ws/browser'])('a bundler for pages takes what runs there from %s: little, and nothing of Node', async (name) => {
  const { outputFiles } = await build({
    stdin: { contents: `export { webSocket } from '${name}'`, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true, minify: true, write: false, format: 'esm', platform: 'browser', target: 'es2022', external: ['@rpcxjs/core'],
  });
  const [{ text, contents } = { text: '', contents: new Uint8Array() }] = outputFiles;
  expect(text).not.toMatch(/node:|\bBuffer\b|\bprocess\b/);
  expect(gzipSync(contents).length).toBeLessThan(1350);
});
