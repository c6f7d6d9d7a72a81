// Runs dependency-cruiser over the sources, and fails when it saw suspiciously few of them: without a compiler that it knows it reads nothing and succeeds.
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { cruise } from 'dependency-cruiser';

const root = resolve(import.meta.dirname, '..', '..');
const { forbidden, options } = createRequire(import.meta.url)('./dependency-cruiser.cjs');

process.chdir(root);
const sources = readdirSync('packages', { recursive: true }).filter((file) => /^[^/]+\/src\/.*\.ts$/.test(file.replaceAll('\\', '/')) && !file.includes('node_modules'));
const { output } = await cruise(['packages', 'examples', 'benchmarks'], { ruleSet: { forbidden }, validate: true, ...options });
const { violations, totalCruised } = output.summary;
for (const { rule, from, to } of violations) process.stderr.write(`${rule.name}: ${from} -> ${to}\n`);
const tooFew = totalCruised < sources.length;
if (tooFew) process.stderr.write(`only ${totalCruised} modules were read, of ${sources.length} source files\n`);
process.stdout.write(`${totalCruised} modules, ${violations.length} violations\n`);
process.exitCode = violations.length > 0 || tooFew ? 1 : 0;
