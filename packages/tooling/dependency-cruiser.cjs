// The arrows between packages; each rule names the habit it keeps. Tests may look wherever they like.
const { existsSync, readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

const folder = join(__dirname, '..');
// What may be imported from outside: the sources that `exports` names.
const doors = readdirSync(folder)
  .filter((name) => existsSync(join(folder, name, 'package.json')))
  .flatMap((name) => Object.keys(JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')).exports ?? {}).filter((key) => key !== '.').map((key) => `${name}/src/${key.slice(2)}`));
const frontDoors = ['[^/]+/src/index', ...doors].join('|');
const own = '(?!.*\\.test(-d)?\\.ts$)';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    // An undeclared import shows up only here, because pnpm does not link what a package.json does not name.
    { name: 'resolvable', severity: 'error', from: { path: `^packages/[^/]+/src/${own}` }, to: { couldNotResolve: true } },
    { name: 'waist-is-pure', severity: 'error', from: { path: `^packages/core/src/${own}` }, to: { pathNot: '^packages/core/src/' } },
    { name: 'frames-see-the-waist', severity: 'error', from: { path: `^packages/protocol/src/${own}` }, to: { pathNot: '^packages/(core|protocol)/src/' } },
    {
      name: 'runtimes-see-the-waist', severity: 'error', from: { path: `^packages/(client|server)/src/${own}` },
      to: { path: '^packages/', pathNot: '^packages/(core|protocol|session|$1)/' },
    },
    {
      name: 'session-sees-frames', severity: 'error', from: { path: `^packages/session/src/${own}` },
      to: { path: '^packages/', pathNot: '^packages/(core|protocol|session)/' },
    },
    // A module with a subpath of its own may need Node, as long as nobody else in its package needs it.
    { name: 'subpaths-are-apart', severity: 'error', from: { path: '^packages/selectors/src/index\\.ts$' }, to: { path: `^packages/(${doors.join('|') || 'none'})\\.ts$` } },
    {
      name: 'browser-safe', severity: 'error', from: { path: `^packages/(core|protocol|session|client|selectors|codec-[^/]+)/src/${own}`, pathNot: `^packages/(${doors.join('|') || 'none'})\\.ts$` },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'plugins-see-the-waist', severity: 'error',
      from: { path: `^packages/((?:transport|registry|codec|compress)-[^/]+|selectors|serverplugins|conformance|testing)/src/${own}` },
      to: { path: '^packages/', pathNot: '^packages/(core|protocol|registry-kit|transport-tcp|$1)/' },
    },
    {
      name: 'front-door-only', severity: 'error', from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/[^/]+/(src|test)/', pathNot: `^packages/($1/|(${frontDoors})\\.ts$)` },
    },
    { name: 'front-door-only-outside', severity: 'error', from: { path: '^(examples|benchmarks)/' }, to: { path: '^packages/[^/]+/(src|test)/', pathNot: `^packages/(${frontDoors})\\.ts$` } },
    {
      name: 'not-own-index', severity: 'error', from: { path: `^packages/([^/]+)/src/(?!index\\.ts$)${own}` },
      to: { path: '^packages/$1/src/index\\.ts$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js'], exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.cache)/' },
  },
};
