import { fileURLToPath } from 'node:url';
import { createContext, Script } from 'node:vm';
import { buildSync } from 'esbuild';
import { expect, it } from 'vitest';

/** Everything that the packages may find in a browser besides the language; no Buffer, no process, no require. */
const { AbortController, AbortSignal, clearTimeout, console, DOMException, performance, queueMicrotask, setTimeout, TextDecoder, TextEncoder } = globalThis;
const webGlobals = { AbortController, AbortSignal, clearTimeout, console, DOMException, performance, queueMicrotask, setTimeout, TextDecoder, TextEncoder };

/** The client, all that it stands on, the memory transport and a scripted peer, in one script. Fails if anything imports from Node. */
function bundle(): string {
  const entry = fileURLToPath(new URL('browser-scenario.ts', import.meta.url));
  const built = buildSync({ entryPoints: [entry], bundle: true, write: false, format: 'iife', globalName: 'bundled', platform: 'browser', target: 'es2022', logLevel: 'silent' });
  return built.outputFiles[0]?.text ?? '';
}

interface Bundled {
  readonly bundled: { scenario(): Promise<string> };
}

it('a client calls over a memory transport where there are only web globals, and generates no code', async () => {
  const context = createContext({ ...webGlobals }, { codeGeneration: { strings: false, wasm: false } });
  new Script('delete globalThis.WebAssembly').runInContext(context);
  const missing = new Script("['Buffer', 'process', 'require', 'global', 'setImmediate', 'WebAssembly'].filter((name) => name in globalThis).join()");
  expect(missing.runInContext(context)).toBe('');
  new Script(bundle()).runInContext(context);
  const result = JSON.parse(await (context as unknown as Bundled).bundled.scenario()) as { readonly deadlines: readonly string[] }; // the bundle defines it
  expect(result).toEqual({
    product: { C: 42 },
    noted: true,
    tick: '6 times 7',
    failed: 'unknown',
    late: 'deadline_exceeded TIMEOUT',
    aborted: 'canceled ABORTED',
    deadlines: expect.arrayContaining([expect.stringMatching(/^\d{4,5}$/)]) as unknown,
    made: 5,
    connections: 1,
    after: 0,
  });
});
