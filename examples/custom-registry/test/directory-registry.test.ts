// The whole test of a registry: what everybody expects of one, from @rpcxjs/conformance, and what is particular about this one.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { conformsLine } from '@rpcxjs/conformance';
import { casesOfDirectoryRegistry } from './cases.ts';

const directory = await mkdtemp(join(tmpdir(), 'registry-'));
const cases = casesOfDirectoryRegistry(directory);
for (const one of cases) void test(one.name, one.run);
void test('says that it conforms', async () => {
  console.log(conformsLine('rpcxjs-registry-directory', cases));
  await rm(directory, { recursive: true });
});
