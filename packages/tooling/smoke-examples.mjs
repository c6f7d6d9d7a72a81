// The packages that people copy, as they would have them: each in an empty folder, with what it depends on from the packed tarballs, is built, tested and packed by its own scripts.
// And a package that was built against earlier tarballs is used with those of today.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { root, tarballs } from './workspace.mjs';

const project = realpathSync(mkdtempSync(join(tmpdir(), 'rpcxjs-examples-')));
const templates = readdirSync(join(root, 'examples')).filter((folder) => folder.startsWith('custom-'));
const kept = 'plugin-built-earlier';
const problems = [];
// Of this repository's tools they have none.
const path = process.env['PATH'].split(delimiter).filter((folder) => !folder.startsWith(root)).join(delimiter);

const longestMs = 120_000;

/** What it printed, or undefined and a problem more. What hangs is ended with all that it started: a child of it would keep the pipes open. */
function run(what, [program, ...args], options) {
  return new Promise((resolve) => {
    let [output, errors] = ['', ''];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, NODE_PATH: '', PATH: path }, ...options });
    const limit = setTimeout(() => process.kill(0 - Number(child.pid), 'SIGKILL'), longestMs);
    child.stdout.on('data', (chunk) => { output += chunk; });
    child.stderr.on('data', (chunk) => { errors += chunk; });
    const ended = (fault) => {
      clearTimeout(limit);
      if (fault !== undefined) problems.push(`${what}: ${fault}\n${output}${errors}`);
      resolve(fault === undefined ? output : undefined);
    };
    child.on('error', (error) => ended(error.message));
    child.on('close', (code, signal) => ended(code === 0 ? undefined : signal ? `it did not end within ${longestMs} ms` : `it ended with ${code}`));
  });
}

/** As publishing would have it: `workspace:` is gone, and a catalog's name has become the range in it. */
function published(manifest, catalog) {
  const range = (name, text) => (text === 'catalog:' ? catalog.get(name) : text.replace(/^workspace:/, ''));
  const ranges = (record = {}) => Object.fromEntries(Object.entries(record).map(([name, text]) => [name, range(name, text)]));
  return { ...manifest, peerDependencies: ranges(manifest.peerDependencies), devDependencies: ranges(manifest.devDependencies) };
}

function copyTemplates() {
  const settings = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  const catalog = new Map([.../^catalog:\n((?: {2}.*\n)+)/m.exec(settings)[1].matchAll(/^ {2}'?([^':]+)'?: (.+)$/gm)].map(([, name, range]) => [name, range]));
  for (const folder of templates) {
    cpSync(join(root, 'examples', folder), join(project, folder), { recursive: true, filter: (file) => !/[\\/](node_modules|dist)$/.test(file) });
    const file = join(project, folder, 'package.json');
    writeFileSync(file, JSON.stringify(published(JSON.parse(readFileSync(file, 'utf8')), catalog), null, 2));
  }
}

/** Its scripts, what it would publish, and that what was built can be imported by its name. */
async function judge(folder) {
  const cwd = join(project, folder);
  const { name } = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8'));
  if ((await run(`${folder}: npm run build`, ['npm', 'run', 'build'], { cwd })) === undefined) return;
  const tested = await run(`${folder}: npm test`, ['npm', 'test'], { cwd });
  if (tested !== undefined && !/ conforms to @rpcxjs\/conformance /.test(tested)) problems.push(`${folder}: npm test does not say that it conforms`);
  const exported = await run(`${folder}: import ${name}`, [process.execPath, '--input-type=module', '--eval', `console.log(Object.keys(await import('${name}')).length)`], { cwd });
  if (exported?.trim() === '0') problems.push(`${folder}: ${name} exports nothing`);
  const packed = await run(`${folder}: npm pack`, ['npm', 'pack', '--dry-run', '--json', '--loglevel=error'], { cwd });
  const files = packed === undefined ? [] : JSON.parse(packed)[0].files.map((file) => file.path);
  for (const file of files) if (!/^(package\.json|README\.md|dist\/[a-z-]+(\.d\.ts|\.js))$/.test(file)) problems.push(`${folder}: publishes ${file}`);
}

/** The package that was built earlier, in the hands of somebody whose program is of today. */
async function judgeKept() {
  const cwd = join(project, 'caller');
  const typed = await run(`${kept}: compile`, [join(cwd, 'node_modules', '.bin', 'tsc'), '--noEmit', '-p', '.'], { cwd });
  const said = await run(`${kept}: calls with it`, [process.execPath, '--import', 'tsx', 'kept.mts'], { cwd });
  const expected = 'A1 for acme; permission_denied: Shop.Price is not for the tenant "initech": give the client the plugin tenantOf(…); acme 1, globex 0';
  if (typed !== undefined && said !== undefined && said.trim() !== expected) problems.push(`${kept}: it said ${said}, not ${expected}`);
}

try {
  const files = tarballs();
  const missing = Object.values(files).filter((file) => !existsSync(file.slice(5)));
  if (missing.length > 0) throw new Error(`not packed: ${missing.join(', ')}`);
  copyTemplates();
  // Outside of the folders of one level, so that it is installed as any other dependency and not as one of them.
  cpSync(join(import.meta.dirname, 'fixtures', kept), join(project, 'kept', kept), { recursive: true });
  mkdirSync(join(project, 'caller'));
  cpSync(join(import.meta.dirname, 'smoke', 'kept.ts'), join(project, 'caller', 'kept.mts'));
  const { devDependencies } = JSON.parse(readFileSync(join(project, 'custom-plugin', 'package.json'), 'utf8'));
  writeFileSync(join(project, 'caller', 'package.json'), JSON.stringify({ name: 'caller', private: true, dependencies: { 'rpcxjs-plugin-tenants': `file:../kept/${kept}` }, devDependencies }));
  const compilerOptions = { module: 'nodenext', target: 'es2023', strict: true, exactOptionalPropertyTypes: true, types: ['node'] };
  writeFileSync(join(project, 'caller', 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['kept.mts'] }));
  // Nothing is published yet when this runs, so whatever is ours comes from the tarballs.
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty-project', private: true, pnpm: { overrides: files } }));
  writeFileSync(join(project, 'pnpm-workspace.yaml'), "packages: ['*']\n");
  const installed = await run('install', ['pnpm', 'install', '--prefer-offline', '--loglevel=warn'], { cwd: project, env: { ...process.env, NODE_PATH: '' } });
  if (installed !== undefined) await Promise.all([...templates.map(judge), judgeKept()]);
} catch (error) {
  problems.push(error.message);
} finally {
  rmSync(project, { recursive: true, force: true });
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(`${templates.length} packages to copy, and one built earlier: ${problems.length} problems\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
